// The way through the study: welcome, headphone check, pairs, ratings, the file to save.

const study = JSON.parse(document.getElementById("study").textContent);
const screen = document.getElementById("screen");
const status = document.getElementById("status");
let state = recall(study);
let steps = [];
let keys = {}; // what each key does on the screen that is shown
let stopSound = null;

function plannedSteps() {
  const list = [{ show: welcome }];
  if (study.headphones) list.push({ show: volume });
  for (let k = 0; k < study.headphones; k++) list.push({ show: tones, number: k });
  let last = null;
  state.asked.forEach((entry, position) => {
    const trial = study.trials[entry >> 1];
    if (trial.kind !== last) list.push({ show: introduction, kind: trial.kind });
    last = trial.kind;
    list.push({ show: judge, trial: trial, swapped: entry & 1, position: position });
  });
  list.push({ show: end });
  return list;
}

function say(text) {
  status.textContent = text;
}

function save() {
  if (!remember(study, state)) say("This browser does not keep your answers over a reload: please do not close the page.");
}

function show() {
  if (stopSound) stopSound();
  stopSound = null;
  say("");
  keys = {};
  const step = state.stopped ? { show: end } : steps[state.at];
  const started = step.show !== welcome && step.show !== end;
  document.getElementById("progress").hidden = !started;
  document.getElementById("stop").hidden = !started;
  document.getElementById("bar").max = steps.length - 1;
  document.getElementById("bar").value = state.at;
  document.getElementById("where").textContent = `Step ${state.at} of ${steps.length - 2}`;
  screen.replaceChildren();
  step.show(step);
  screen.querySelector("h1").tabIndex = -1;
  screen.querySelector("h1").focus(); // screen readers begin with the new heading
  window.scrollTo(0, 0);
}

function next() {
  state.at += 1;
  state.draft = null;
  save();
  show();
}

function nextButton(text, ready) {
  const go = () => {
    const missing = ready();
    if (missing) say(missing);
    else next();
  };
  keys.enter = go;
  return make("p", { class: "go" }, button(text, "Enter", go, "next"));
}

function welcome() {
  const back = state.at > 0 || Object.keys(state.answers).length > 0;
  const pairs = state.asked.filter((entry) => study.trials[entry >> 1].kind === "pair").length;
  const singles = state.asked.length - pairs;
  screen.append(
    make("h1", {}, study.title),
    make("p", {}, "You will watch and hear short clips and judge them. There are no right answers: your impression counts."),
    make("ul", {},
      study.headphones ? make("li", {}, "Put on headphones, in a quiet place. A short check of them comes first.") : null,
      pairs ? make("li", {}, `${pairs} pairs of clips: which is better?`) : null,
      singles ? make("li", {}, `${singles} single clips, on a scale from 1 (bad) to 5 (excellent).`) : null,
      make("li", {}, "Some clips are a check of attention: they tell you in their picture what to answer.")),
    make("h2", {}, "Keys"),
    make("p", {}, "Everything can be done with the mouse, or with keys, which are shown beside what they do:"),
    make("p", { class: "keys" }, cap("A"), " ", cap("B"), " or ", cap("P"), " play, ", cap("1"), " to ", cap("5"),
      " answer the question that is marked, ", cap("Tab"), " and ", cap("Shift"), " ", cap("Tab"), " move, ",
      cap("Enter"), " goes on."),
    make("h2", {}, "Your answers"),
    make("p", {}, "They stay in this browser, also when you reload or come back later. Nothing is sent: at the end you save a file. " +
      "It holds your answers, how long they took, the name of your browser, and the number of this rater: ", make("strong", {}, state.rater), "."),
    nextButton(back ? "Go on" : "Begin", () => ""));
}

function volume() {
  const play = () => { if (stopSound) stopSound(); stopSound = playNoise(() => {}); };
  keys.p = play;
  screen.append(
    make("h1", {}, "Set the volume"),
    make("p", {}, "Put on your headphones, play the noise and set a volume that is loud and comfortable. Leave it there until the end."),
    make("p", {}, button("Play the noise", "P", play, "play")),
    nextButton("Next", () => ""));
}

function tones(step) {
  const draft = state.draft || (state.draft = { heard: false, picked: null });
  const lights = [1, 2, 3].map((k) => make("span", { class: "light" }, k));
  const light = (on) => lights.forEach((node, k) => node.classList.toggle("on", k === on));
  const mark = make("span", { class: "mark" }, draft.heard ? PLAYED : "");
  const ended = () => { light(-1); draft.heard = true; mark.textContent = PLAYED; save(); };
  const play = () => {
    if (stopSound) stopSound();
    stopSound = playTones(state.tones[step.number], light, ended);
  };
  keys.p = play;
  const options = [[0, "First"], [1, "Second"], [2, "Third"]];
  const group = choice("tones", "Which tone was the quietest?", options, draft.picked, (value) => { draft.picked = value; save(); });
  digits(() => [group]);
  screen.append(
    make("h1", {}, `Headphones: ${step.number + 1} of ${study.headphones}`),
    make("p", {}, "Play the three tones and say which one was the quietest. Guess if you are not sure."),
    make("p", { class: "sound" }, button("Play the tones", "P", play, "play"),
      make("span", { class: "lights", "aria-hidden": "true" }, ...lights), mark),
    group,
    nextButton("Next", () => {
      if (!draft.heard) return "Please play the three tones to their end first.";
      if (draft.picked === null) return "Please choose a tone.";
      state.headphones[step.number] = { quiet: state.tones[step.number].indexOf(QUIET), picked: draft.picked };
      return "";
    }));
}

function introduction(step) {
  const pair = step.kind === "pair";
  const none = study.forced ? "" : " If you find none better, say so: that is an answer as good as the others.";
  screen.append(
    make("h1", {}, pair ? "Pairs of clips" : "Single clips"),
    make("p", {}, pair
      ? "You will see two clips. Play both to their end, as often as you like, and say which is better." + none
      : "You will see one clip. Play it to its end, as often as you like, and give it 1 (bad) to 5 (excellent)."),
    make("p", {}, "You will be asked about each of these alone, whatever you think of the others:"),
    make("ul", {}, ...study.questions.map((question) => make("li", {}, question.name))),
    nextButton("Next", () => ""));
}

function judge(step) {
  const pair = step.trial.kind === "pair";
  const shown = step.swapped ? step.trial.media.slice().reverse() : step.trial.media.slice();
  const draft = state.draft || (state.draft = {
    values: {}, heard: shown.map(() => false), plays: shown.map(() => 0), broken: false, began: Date.now(),
  });
  const clips = shown.map((name, k) => clip(
    study.media[name], pair ? LETTERS[k] : "the clip", pair ? LETTERS[k] : "P",
    () => { draft.heard[k] = true; save(); },
    () => { draft.broken = true; save(); say("This clip cannot be played here. Go on to the next one; that it failed is noted."); },
    () => { draft.plays[k] += 1; save(); }));
  clips.forEach((item, k) => {
    keys[pair ? LETTERS[k].toLowerCase() : "p"] = item.toggle;
    if (draft.heard[k]) item.seen();
  });
  const options = pair ? pairOptions(study.forced) : ratingOptions();
  const groups = study.questions.map((question) => choice(
    question.id, pair ? question.pair : question.rating, options, draft.values[question.id] ?? null,
    (value) => { draft.values[question.id] = value; save(); }));
  digits(() => groups);
  const alike = state.asked.map((entry) => study.trials[entry >> 1]).filter((trial) => trial.kind === step.trial.kind);
  const before = state.asked.slice(0, step.position + 1).filter((entry) => study.trials[entry >> 1].kind === step.trial.kind);
  screen.append(
    make("h1", {}, `${pair ? "Pair" : "Clip"} ${before.length} of ${alike.length}`),
    make("div", { class: "clips" }, ...clips.map((item) => item.node)),
    ...groups,
    nextButton("Next", () => {
      if (!draft.broken) {
        if (draft.heard.includes(false)) return pair ? "Please play both clips to their end first." : "Please play the clip to its end first.";
        if (study.questions.some((question) => !(question.id in draft.values))) return "Please answer every question.";
      }
      state.answers[step.trial.id] = {
        shown: shown, values: draft.broken ? {} : draft.values, plays: draft.plays, broken: draft.broken,
        seconds: Math.round((Date.now() - draft.began) / 100) / 10,
      };
      return "";
    }));
}

// Keys 1 to 9 answer the question in focus, or the first one without an answer, and go to the next.
function digits(groups) {
  for (let digit = 1; digit <= 9; digit++) keys[digit] = () => {
    const all = groups();
    const open = all.filter((group) => !group.querySelector("input:checked"));
    const group = all.find((item) => item.contains(document.activeElement)) || open[0] || all[all.length - 1];
    const radio = group.querySelectorAll("input")[digit - 1];
    if (!radio) return;
    radio.checked = true;
    radio.dispatchEvent(new Event("change"));
    const following = all.find((item) => !item.querySelector("input:checked"));
    (following ? following.querySelector("input") : screen.querySelector(".next")).focus();
  };
}

function end() {
  const done = Object.keys(state.answers).length;
  const text = answerFile(study, state);
  const file = `answers-${study.study}-${state.rater}.json`;
  const download = () => {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: file });
    link.click();
    say(`Saved as ${file}. Please send this file to whoever invited you. Thank you!`);
  };
  keys.s = download;
  screen.append(
    make("h1", {}, state.stopped ? "Stopped" : "Done, thank you"),
    make("p", {}, `You judged ${done} of ${state.asked.length}. Save your answers and send the file to whoever invited you.`),
    make("p", { class: "go" }, button("Save my answers", "S", download, "next"),
      state.stopped ? make("button", { type: "button", click: () => { state.stopped = false; save(); show(); } }, "Go on with the study") : null),
    make("details", {}, make("summary", {}, "The file does not arrive? Copy its text"),
      make("textarea", { readonly: true, rows: 8, "aria-label": "Your answers as text" }, text)),
    make("p", {}, make("button", { type: "button", class: "quiet", click: restart }, "Delete my answers from this browser")));
}

function restart() {
  if (!confirm("Delete all answers of this rater from this browser?")) return;
  forget(study);
  begin(null);
}

function begin(known) {
  state = known || newState(study);
  steps = plannedSteps();
  show();
}

document.querySelector("#stop button").addEventListener("click", () => { state.stopped = true; save(); show(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("textarea")) return;
  if (event.key === "Enter" && event.target.matches("button, summary")) return; // what is in focus is pressed
  const act = keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
begin(state);
