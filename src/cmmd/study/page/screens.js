// The parts that screens are made of. Whatever can be pressed is a native button or radio button with a label, so that
// screen readers and the Tab key know it; the keys on the caps are shortcuts beside that.

const SCALE = ["bad", "poor", "fair", "good", "excellent"];
const PLAYED = "played to the end";
const LETTERS = ["A", "B"];

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function cap(key) {
  return make("kbd", { "aria-hidden": "true" }, key);
}

function button(text, key, pressed, look) {
  return make("button", { type: "button", class: look || "", click: pressed, "aria-keyshortcuts": key }, text, " ", cap(key));
}

// options: [value, label] each. changed(value) is called whenever another one is chosen.
function choice(name, question, options, chosen, changed) {
  const radios = options.map(([value, label], k) =>
    make("label", { class: "option" },
      make("input", {
        type: "radio", name: name, value: value, checked: value === chosen, "aria-keyshortcuts": k + 1,
        change: () => changed(value),
      }),
      make("span", {}, label), cap(k + 1)));
  return make("fieldset", { "data-name": name }, make("legend", {}, question), make("div", { class: "options" }, ...radios));
}

function pairOptions(forced) {
  return [[1, "A"], [2, "No preference"], [3, "B"]].filter(([value]) => !(forced && value === 2));
}

function ratingOptions() {
  return SCALE.map((word, k) => [k + 1, word]);
}

// One clip with its button. heard() is called when it was played to its end, broken() when the browser cannot play it.
function clip(source, label, key, heard, broken, started) {
  const video = make("video", { src: source, preload: "auto", playsinline: true, "aria-label": label, tabindex: -1 });
  const mark = make("span", { class: "mark" });
  const play = button("Play " + label, key, () => toggle(), "play");
  let failed = false;

  function toggle() {
    if (!video.paused) return video.pause();
    for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
    if (video.ended || video.currentTime > 0) video.currentTime = 0; // always from the start: half a clip says little
    return video.play().then(started, fail);
  }
  function fail(error) {
    if (failed || (error && error.name === "AbortError")) return; // a pause before the first frame is no failure
    failed = true;
    mark.textContent = "cannot be played here";
    broken();
  }
  function name(word) {
    play.firstChild.textContent = word + " " + label;
  }
  video.addEventListener("click", toggle);
  video.addEventListener("playing", () => name("Stop"));
  video.addEventListener("pause", () => name("Play"));
  video.addEventListener("error", () => fail(null));
  video.addEventListener("ended", () => { name("Play"); seen(); heard(); });

  function seen() {
    mark.textContent = PLAYED;
  }
  return { node: make("figure", {}, video, make("figcaption", {}, play, mark)), toggle: toggle, seen: seen };
}
