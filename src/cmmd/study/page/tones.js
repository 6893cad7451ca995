// The headphone check of Woods, Siegel, Traer and McDermott (2017): which of three tones is the quietest? One is 6 dB
// softer; another has its two channels in antiphase, so that loudspeakers cancel it and seem to make it the quietest.

const TONE = { hertz: 200, seconds: 1, ramp: 0.1, gap: 0.5, level: 0.25 };
const QUIET = 1, ANTIPHASE = 2; // 0 is plain
let speakers = null;

function audio() {
  speakers = speakers || new AudioContext();
  speakers.resume();
  return speakers;
}

function stereo(context, seconds, sample) {
  const buffer = context.createBuffer(2, Math.round(seconds * context.sampleRate), context.sampleRate);
  const [left, right] = [buffer.getChannelData(0), buffer.getChannelData(1)];
  for (let k = 0; k < buffer.length; k++) [left[k], right[k]] = sample(k / context.sampleRate);
  return buffer;
}

function ramped(time, seconds, ramp) {
  return Math.min(1, time / ramp, Math.max(0, seconds - time) / ramp);
}

function toneBuffer(context, kind) {
  const level = TONE.level * (kind === QUIET ? 10 ** (-6 / 20) : 1);
  const sign = kind === ANTIPHASE ? -1 : 1;
  return stereo(context, TONE.seconds, (time) => {
    const value = level * Math.sin(2 * Math.PI * TONE.hertz * time) * ramped(time, TONE.seconds, TONE.ramp);
    return [value, sign * value];
  });
}

// Plays buffers one after the other; began(k) is called at the start of each and ended() after the last.
function playBuffers(buffers, gap, began, ended) {
  const context = audio();
  let start = context.currentTime + 0.05;
  const sources = buffers.map((buffer, k) => {
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(start);
    start += buffer.duration + gap;
    source.onended = () => (k + 1 < buffers.length ? began(k + 1) : ended());
    return source;
  });
  began(0);
  return () => sources.forEach((source) => { source.onended = null; source.stop(); });
}

function playTones(order, began, ended) {
  const context = audio();
  return playBuffers(order.map((kind) => toneBuffer(context, kind)), TONE.gap, began, ended);
}

function playNoise(ended) {
  const noise = (time) => {
    const value = TONE.level * (2 * Math.random() - 1) * ramped(time, 3, TONE.ramp);
    return [value, value];
  };
  return playBuffers([stereo(audio(), 3, noise)], 0, () => {}, ended);
}
