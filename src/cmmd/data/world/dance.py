"""Dance (mirrors AIST++): a dancer moves to drums and bass at 70 to 150 bpm (ours: decision 04).

Five styles tie appearance (clothes, room, movement) to music (drums, bass, beat pattern). The limbs arrive on the beat.
A beat that the pattern leaves out, or that the dancer holds, is neither heard nor danced.
"""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import FPS, SAMPLE_RATE, Event, Span, WorldClip, choose_span
from cmmd.data.world.difficulty import Difficulty, worsen
from cmmd.data.world.scene import Scene, hsv, textured_background
from cmmd.data.world.sounds import bass, kick, limit_peak, mix_at, room, snare

LEAD = 2.0
"""Seconds of music before the earliest start and after the latest end of a clip."""
HELD = 0.06
"""Fraction of beats on which the dancer holds still and no sound is heard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """hue, room_hue: of clothes and wall. pattern: one character per beat: K kick, S snare, B both, '.' silent. arms:
    type of arm movement. drop: depth of the knee bend (pixels). kick, snare, bass: frequencies (Hz). brightness: of the
    bass."""

    name: str
    hue: float
    room_hue: float
    pattern: str
    arms: str
    drop: float
    kick: float
    snare: float
    bass: float
    brightness: float


STYLES = (
    Style(
        name="house",
        hue=0.00,
        room_hue=0.60,
        pattern="KBKB",
        arms="alternate",
        drop=7,
        kick=60,
        snare=210,
        bass=82,
        brightness=0.3,
    ),
    Style(
        name="march",
        hue=0.14,
        room_hue=0.00,
        pattern="KSKS",
        arms="together",
        drop=5,
        kick=75,
        snare=320,
        bass=98,
        brightness=0.1,
    ),
    Style(
        name="lock",
        hue=0.33,
        room_hue=0.80,
        pattern="KSK.",
        arms="wave",
        drop=6,
        kick=52,
        snare=260,
        bass=110,
        brightness=0.8,
    ),
    Style(
        name="krump",
        hue=0.58,
        room_hue=0.10,
        pattern="BKSK",
        arms="stretch",
        drop=9,
        kick=46,
        snare=170,
        bass=65,
        brightness=0.6,
    ),
    Style(
        name="waack",
        hue=0.83,
        room_hue=0.38,
        pattern="SKSK",
        arms="windmill",
        drop=4,
        kick=68,
        snare=400,
        bass=131,
        brightness=1.0,
    ),
)

UNSEEN_STYLE = Style(
    name="shuffle",
    hue=0.45,
    room_hue=0.22,
    pattern="KBSB",
    arms="wave",
    drop=8,
    kick=90,
    snare=500,
    bass=147,
    brightness=0.9,
)
"""Style of the unseen split; no other clip has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """A beat that sounds. time: world time (s). drum: letter of the pattern. level: force. number: index in the
    music."""

    time: float
    drum: str
    level: float
    number: int


def dance_clip(rng: np.random.Generator, *, seed: int, frames: int, difficulty: Difficulty) -> WorldClip:
    """Generates one clip of the family."""
    style = UNSEEN_STYLE if difficulty.unseen else STYLES[rng.integers(len(STYLES))]
    # The tempo is log-uniform. At 70 bpm a silent beat leaves a gap of 1.7 s.
    period = 60.0 / float(np.exp(rng.uniform(np.log(70), np.log(150))))
    beats = draw_beats(rng, style, period, -LEAD, frames / FPS + 1 + LEAD)
    if difficulty.accents:
        beats = _with_accents(rng, beats, period, difficulty.accents)
    span = choose_span(np.array([beat.time for beat in beats]), frames, rng)
    pixels = _draw(rng, style, beats, span, difficulty)
    waveform, events = _sound(rng, style, beats, period, span)
    pixels = worsen(pixels, difficulty, rng)
    return WorldClip(frames=pixels, waveform=waveform, events=events, family="dance", seed=seed)


def draw_beats(rng: np.random.Generator, style: Style, period: float, start: float, stop: float) -> tuple[Beat, ...]:
    """All sounding beats between start and stop (s of world time). The tempo is steady; a few beats are held."""
    beats = []
    offset = rng.uniform(0, period)
    first = int(rng.integers(len(style.pattern)))
    for number in range(int((stop - start - offset) / period)):
        drum = style.pattern[(first + number) % len(style.pattern)]
        if drum == "." or rng.random() < HELD:
            continue
        beats.append(
            Beat(
                time=start + offset + number * period,
                drum=drum,
                level=float(rng.uniform(0.8, 1.0)),
                number=first + number,
            )
        )
    return tuple(beats)


def _with_accents(rng: np.random.Generator, beats: tuple[Beat, ...], period: float, share: float) -> tuple[Beat, ...]:
    """Adds weak snare beats halfway between some beats if the half period exceeds 0.25 s. The dancer dances them
    too."""
    accents = [
        Beat(time=beat.time + period / 2, drum="S", level=0.5 * beat.level, number=beat.number + 1)
        for beat in beats
        if rng.random() < share and period / 2 > 0.25
    ]
    return tuple(sorted((*beats, *accents), key=lambda beat: beat.time))


def _draw(
    rng: np.random.Generator, style: Style, beats: tuple[Beat, ...], span: Span, difficulty: Difficulty
) -> np.ndarray:
    t = span.frame_times
    wall = hsv(style.room_hue + rng.uniform(-0.04, 0.04), rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.5))
    drift = rng.uniform(0, 1.5) * np.stack(
        [np.sin(t * rng.uniform(0.3, 1.0) + rng.uniform(0, 6)) for _ in range(2)], axis=1
    )
    scene = Scene(textured_background(rng, wall, strength=rng.uniform(0.02, 0.08)), drift)
    scene.box(32.0, 76.0, 60.0, 18.0, wall * 0.6, outline=0)
    for _ in range(difficulty.decoys):
        # A dancer in the background who moves to other music.
        other = STYLES[rng.integers(len(STYLES))]
        rhythm = draw_beats(rng, other, rng.uniform(0.4, 0.85), float(t[0]) - LEAD, float(t[-1]) + LEAD)
        pose = _pose(other, rhythm, t).scaled(difficulty.reach)
        _draw_dancer(rng, scene, other, pose, home=float(rng.choice([10.0, 54.0])), size=rng.uniform(0.6, 0.75))
    _draw_dancer(rng, scene, style, _pose(style, beats, t).scaled(difficulty.reach))
    scene.occlude(rng, difficulty.occluders)
    light = 1 + rng.uniform(0, 0.08) * np.sin(t * rng.uniform(0.5, 2) + rng.uniform(0, 6))
    return scene.finish(rng, light=light, noise=rng.uniform(0, 0.01))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """Pose over frames, arrays (f,). sink: 1 at the deepest point (on the beat), 0 at the highest (between beats).
    left, right: arm angles above the horizontal (radians). step: side of the weight, -1 .. 1."""

    sink: np.ndarray
    left: np.ndarray
    right: np.ndarray
    step: np.ndarray

    def scaled(self, reach: float) -> "Pose":
        """The same movement with all values multiplied by `reach`."""
        return Pose(sink=self.sink * reach, left=self.left * reach, right=self.right * reach, step=self.step * reach)


def _pose(style: Style, beats: tuple[Beat, ...], t: np.ndarray) -> Pose:
    """Pose at times t (s). Between two beats the body rises and falls like a ball; the limbs start late and arrive
    exactly on the beat."""
    times = np.array([beat.time for beat in beats])
    following = np.clip(np.searchsorted(times, t, side="right"), 1, len(times) - 1)
    since, gap = t - times[following - 1], times[following] - times[following - 1]
    fraction = np.clip(since / gap, 0, 1)
    sink = 1 - (4 * fraction * (1 - fraction)) * np.minimum(gap / 0.6, 1.0)
    arrive = np.clip((fraction - 0.35) / 0.65, 0, 1) ** 1.6
    before, after = (
        np.array([_arms(style, beats[index]) for index in following - 1]),
        np.array([_arms(style, beats[index]) for index in following]),
    )
    pose = before + (after - before) * arrive[:, None]
    return Pose(sink=sink, left=pose[:, 0], right=pose[:, 1], step=pose[:, 2])


def _arms(style: Style, beat: Beat) -> tuple[float, float, float]:
    """Angles of the left and right arm (radians) and side of the weight on a beat."""
    even = beat.number % 2 == 0
    step = 1.0 if even else -1.0
    high = {"K": -0.9, "B": 1.2, "S": 0.9}[beat.drum]
    if style.arms == "alternate":
        return (1.2, -1.0, step) if even else (-1.0, 1.2, step)
    if style.arms == "together":
        return (0.9, 0.9, step) if even else (-1.0, -1.0, step)
    if style.arms == "wave":
        return (0.7, -0.7, step) if even else (-0.2, 1.3, step)
    if style.arms == "stretch":
        return (0.0, 0.0, step) if even else (high, high, step)
    angle = (beat.number % 4) * np.pi / 2 - np.pi / 2
    return (float(angle), float(-angle), step)


def _draw_dancer(
    rng: np.random.Generator,
    scene: Scene,
    style: Style,
    pose: Pose,
    *,
    home: float | None = None,
    size: float | None = None,
) -> None:
    clothes = hsv(style.hue + rng.uniform(-0.03, 0.03), rng.uniform(0.65, 0.9), rng.uniform(0.75, 1.0))
    trousers = clothes * 0.55
    skin = hsv(0.07, rng.uniform(0.3, 0.5), rng.uniform(0.6, 0.95))
    size = rng.uniform(0.9, 1.15) if size is None else size
    ground = 59.0
    x = (32 + rng.uniform(-8, 8) if home is None else home) + 1.5 * pose.step
    hip = ground - size * 20 + style.drop * pose.sink
    neck = hip - size * 16
    for side, arm in ((-1.0, pose.left), (1.0, pose.right)):
        foot = x - 1.5 * pose.step + side * 6 * size
        knee_x, knee_y = (x + foot) / 2 + side * 0.6 * style.drop * pose.sink, (hip + ground) / 2
        scene.capsule(x + side * 2, hip, knee_x, knee_y, 2.0 * size, trousers)
        scene.capsule(knee_x, knee_y, foot, ground, 1.8 * size, trousers)
        shoulder_x, shoulder_y = x + side * 4 * size, neck + 2
        elbow_x, elbow_y = shoulder_x + side * 7 * size * np.cos(arm), shoulder_y - 7 * size * np.sin(arm)
        hand_x, hand_y = elbow_x + side * 7 * size * np.cos(arm * 1.3), elbow_y - 7 * size * np.sin(arm * 1.3)
        scene.capsule(shoulder_x, shoulder_y, elbow_x, elbow_y, 1.6 * size, clothes)
        scene.capsule(elbow_x, elbow_y, hand_x, hand_y, 1.5 * size, skin)
    scene.capsule(x, neck + 3, x, hip, 4.0 * size, clothes)
    scene.disc(x, neck - 3.5 * size, 4.0 * size, skin, outline=0.7)


def _sound(
    rng: np.random.Generator, style: Style, beats: tuple[Beat, ...], period: float, span: Span
) -> tuple[np.ndarray, tuple[Event, ...]]:
    track = room(rng, span.samples, level=10 ** rng.uniform(-3.8, -3.1))
    tune = float(2 ** (rng.integers(-2, 3) / 12))
    events = []
    for beat in beats:
        time = round((beat.time - span.start) * SAMPLE_RATE) / SAMPLE_RATE
        if not -1.0 < time < span.seconds:
            continue
        if beat.drum in "KB":
            mix_at(track, kick(rng, style.kick, strength=beat.level), time)
            mix_at(
                track,
                bass(style.bass * tune, seconds=0.8 * period, brightness=style.brightness, strength=beat.level),
                time,
            )
        if beat.drum in "SB":
            mix_at(track, snare(rng, style.snare, strength=beat.level), time)
        if time >= 0:
            frequency = style.snare if beat.drum == "S" else style.bass * tune
            events.append(Event(time=time, frequency=float(frequency), strength=beat.level, source=0))
    return limit_peak(track), tuple(events)
