// What this rater has done so far, kept in the browser (never sent) so that a reload goes on where it was.

const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]; // 0 plain, 1 quiet, 2 antiphase

function raterName() {
  const given = new URLSearchParams(location.search).get("rater") || "";
  return given.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 32);
}

function placeOf(study) {
  return `cmmd-study-${study.study}-${raterName()}`;
}

function newState(study) {
  const name = raterName();
  // Raters with numbers get list after list, which balances exactly; anyone else gets one by chance.
  const seed = /^\d{1,9}$/.test(name) ? Number(name) : crypto.getRandomValues(new Uint32Array(1))[0];
  const random = chance(seed);
  const asked = ["pair", "rating"].flatMap((kind) => {
    const lists = study.lists[kind];
    return shuffled(lists[seed % lists.length], random);
  });
  const tones = [];
  while (tones.length < study.headphones) tones.push(...shuffled(ORDERS, random));
  return {
    rater: name || "r" + seed.toString(16).padStart(8, "0"),
    seed: seed,
    began: new Date().toISOString(),
    at: 0,
    stopped: false,
    asked: asked,
    tones: tones.slice(0, study.headphones),
    headphones: [],
    answers: {},
    draft: null,
  };
}

function recall(study) {
  try {
    return JSON.parse(localStorage.getItem(placeOf(study)));
  } catch {
    return null;
  }
}

function remember(study, state) {
  try {
    localStorage.setItem(placeOf(study), JSON.stringify(state));
    return true;
  } catch {
    return false; // private windows and full disks: the study still works, a reload would lose it
  }
}

function forget(study) {
  try {
    localStorage.removeItem(placeOf(study));
  } catch {
    // there is nothing to forget where nothing was kept
  }
}

function answerFile(study, state) {
  return JSON.stringify({
    format: "cmmd study answers 1",
    study: study.study,
    rater: state.rater,
    seed: state.seed,
    began: state.began,
    ended: new Date().toISOString(),
    browser: navigator.userAgent,
    asked: state.asked.map((entry) => study.trials[entry >> 1].id),
    headphones: state.headphones,
    answers: state.answers,
  }, null, 1);
}
