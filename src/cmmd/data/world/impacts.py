"""Impacts (mirrors EPIC-Sounds): one to three objects bounce, are struck or swing, and sound (ours: decision 04).

Visible properties determine the sound: pitch follows size, decay and partials follow the material (its colour),
brightness follows the lightness of the colour. The force of a blow can only be heard. Distractors move and stay silent.
"""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import FPS, SAMPLE_RATE, Event, Span, WorldClip, choose_span
from cmmd.data.world.difficulty import Difficulty, worsen
from cmmd.data.world.scene import Scene, hsv, textured_background
from cmmd.data.world.sounds import MATERIALS, Material, limit_peak, mix_at, room, struck

LARGEST, SMALLEST = 13.0, 3.0
"""Radii of objects (pixels), which span the pitches below. With several objects each has its own lane, so the largest
radius is smaller."""
LOWEST, HIGHEST = 230.0, 1700.0
"""Frequencies of the largest and the smallest object (Hz)."""
FLOOR = 54.0
LEAD = 1.6
"""Seconds of events before the earliest start and after the latest end of a clip, so that the clip shows ongoing
activity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """A sounding object. radius, home (its x): pixels. times: of its events (s of world time), from before the clip
    until after it. levels: force of each event. reach: factor on the size of its movement."""

    radius: float
    material: Material
    lightness: float
    home: float
    times: np.ndarray
    levels: np.ndarray
    reach: float = 1.0

    @property
    def colour(self) -> np.ndarray:
        return hsv(self.material.hue, self.material.saturation, 0.55 + 0.45 * self.lightness)

    @property
    def frequency(self) -> float:
        return frequency_of(self.radius)


def frequency_of(radius: float) -> float:
    """Frequency (Hz) of an object of this radius (pixels). Equal ratios of size give equal ratios of pitch."""
    fraction = np.log(LARGEST / radius) / np.log(LARGEST / SMALLEST)
    return float(LOWEST * (HIGHEST / LOWEST) ** fraction)


def impacts_clip(rng: np.random.Generator, *, seed: int, frames: int, difficulty: Difficulty) -> WorldClip:
    """Generates one clip of the family."""
    count = int(rng.choice(difficulty.objects, p=difficulty.object_odds))
    times = draw_schedule(rng, -LEAD, frames / FPS + 1 + LEAD)
    owners = rng.integers(0, count, size=len(times))
    things = [_draw_thing(rng, times[owners == index], index, count, difficulty.reach) for index in range(count)]
    # An object with fewer than two events would hang in the air, so it is left out.
    things = [thing for thing in things if len(thing.times) >= 2]
    span = choose_span(np.concatenate([thing.times for thing in things]), frames, rng)
    pixels = _draw(rng, things, span, difficulty)
    waveform, events = _sound(rng, things, span)
    pixels = worsen(pixels, difficulty, rng)
    return WorldClip(frames=pixels, waveform=waveform, events=events, family="impacts", seed=seed)


def draw_schedule(rng: np.random.Generator, start: float, stop: float) -> np.ndarray:
    """Draws event times (s) before `stop`. The gaps are 0.36 s plus an exponential tail; one in twenty is 0.2 to 0.36
    s."""
    count = int((stop - start) / 0.2) + 1
    gaps = 0.36 + np.minimum(rng.exponential(0.28, size=count), 1.0)
    gaps = np.where(rng.random(count) < 0.05, rng.uniform(0.2, 0.36, size=count), gaps)
    times = start + rng.uniform(0, 0.5) + np.cumsum(gaps)
    return times[times < stop]


def _draw_thing(rng: np.random.Generator, times: np.ndarray, index: int, count: int, reach: float) -> Thing:
    lane = 64.0 / count
    radius = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(min(LARGEST, 0.36 * lane)))))
    home = lane * (index + 0.5) + rng.uniform(-0.1, 0.1) * lane
    return Thing(
        radius=radius,
        material=MATERIALS[rng.integers(len(MATERIALS))],
        lightness=float(rng.uniform()),
        home=float(home),
        times=times,
        levels=rng.uniform(0.55, 1.0, size=len(times)),
        reach=reach,
    )


def _draw(rng: np.random.Generator, things: list[Thing], span: Span, difficulty: Difficulty) -> np.ndarray:
    t = span.frame_times
    base = hsv(rng.uniform(), rng.uniform(0.05, 0.5), rng.uniform(0.15, 0.55))
    drift = rng.uniform(0, 2.5) * np.stack(
        [np.sin(t * rng.uniform(0.3, 1.2) + rng.uniform(0, 6)) for _ in range(2)], axis=1
    )
    scene = Scene(textured_background(rng, base, strength=rng.uniform(0.02, 0.10)), drift)
    scene.box(32.0, FLOOR + 20, 60.0, 20.0, base * rng.uniform(0.5, 0.8), outline=0)
    for _ in range(int(rng.integers(0, 3))):
        _draw_distractor(rng, scene, t)
    for _ in range(difficulty.decoys):
        _draw_decoy(rng, scene, t, difficulty.reach)
    for thing in things:
        action = _draw_roll if difficulty.unseen else (_draw_bounce, _draw_strike, _draw_swing)[rng.integers(3)]
        action(rng, scene, thing, t)
    scene.occlude(rng, difficulty.occluders)
    light = 1 + rng.uniform(0, 0.12) * np.sin(t * rng.uniform(0.5, 3) + rng.uniform(0, 6))
    return scene.finish(rng, light=light, noise=rng.uniform(0, 0.01))


def _draw_distractor(rng: np.random.Generator, scene: Scene, t: np.ndarray) -> None:
    """Draws an object that floats back and forth in mid-air and touches nothing."""
    colour = hsv(rng.uniform(), rng.uniform(0.1, 0.6), rng.uniform(0.4, 0.9))
    radius = rng.uniform(2.0, 4.5)
    x = rng.uniform(8, 56) + rng.uniform(3, 14) * np.sin(t * rng.uniform(0.6, 3.5) + rng.uniform(0, 6))
    y = rng.uniform(8, 30) + rng.uniform(2, 8) * np.sin(t * rng.uniform(0.6, 3.5) + rng.uniform(0, 6))
    if rng.random() < 0.5:
        scene.disc(x, y, radius, colour, outline=0)
    else:
        scene.box(x, y, radius, radius * rng.uniform(0.5, 1.2), colour, outline=0)


def _draw_decoy(rng: np.random.Generator, scene: Scene, t: np.ndarray, reach: float) -> None:
    """Draws a ball with the path of a bouncing one that turns around in mid-air and touches nothing."""
    times = draw_schedule(rng, float(t[0]) - LEAD, float(t[-1]) + LEAD)
    thing = _draw_thing(rng, times, int(rng.integers(3)), 3, reach)
    _draw_bounce(rng, scene, thing, t, floor=FLOOR - rng.uniform(12, 22))


def _phases(thing: Thing, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time since the last event, time until the next one, and the gap between them (s), (f,) each. If there is no such
    event, it is assumed 9 s outside the clip."""
    following = np.searchsorted(thing.times, t, side="right")
    padded = np.concatenate([[t[0] - 9.0], thing.times, [t[-1] + 9.0]])
    since, until = t - padded[following], padded[following + 1] - t
    return since, until, since + until


def _draw_bounce(rng: np.random.Generator, scene: Scene, thing: Thing, t: np.ndarray, *, floor: float = FLOOR) -> None:
    """Draws a ball on the floor: parabolas between its contacts, higher for longer flights."""
    since, until, gap = _phases(thing, t)
    fraction = since / gap
    room_above = floor - 2 * thing.radius - 4
    height = thing.reach * np.minimum(34.0 * gap, room_above) * 4 * fraction * (1 - fraction)
    x = thing.home + rng.uniform(0, 3) * np.sin(t * rng.uniform(0.5, 1.5) + rng.uniform(0, 6))
    contact = np.exp(-np.minimum(since, until) / 0.04)
    scene.disc(x, floor - thing.radius - height, thing.radius, thing.colour, squash=0.18 * contact)


def _draw_strike(rng: np.random.Generator, scene: Scene, thing: Thing, t: np.ndarray) -> None:
    """Draws an object at rest and a stick that strikes it, fast down and slower up. The object shivers after a blow."""
    since, until, _ = _phases(thing, t)
    lift = (
        thing.reach
        * rng.uniform(0.8, 1.2)
        * np.minimum(np.minimum(until / 0.24, 1.0) ** 0.85, np.minimum(since / 0.36, 1.0) ** 0.9)
    )
    shiver = 1.2 * np.exp(-since / 0.06) * np.sin(since * 60)
    y = FLOOR - thing.radius
    if rng.random() < 0.5:
        scene.disc(thing.home + shiver, y, thing.radius, thing.colour)
    else:
        scene.box(thing.home + shiver, y, thing.radius, thing.radius, thing.colour)
    side = rng.choice([-1.0, 1.0])
    pivot_x, pivot_y = thing.home + side * 15, y - thing.radius - 6
    angle = np.arctan2(6 - 2.0, -side * 15.0) + side * lift * 1.15
    length = 15.0
    tip_x, tip_y = pivot_x + length * np.cos(angle), pivot_y + length * np.sin(angle)
    scene.capsule(pivot_x, pivot_y, tip_x, tip_y, 1.2, hsv(0.1, 0.2, 0.9))
    scene.disc(tip_x, tip_y, 2.2, hsv(0.1, 0.1, 0.98), outline=0)


def _draw_swing(rng: np.random.Generator, scene: Scene, thing: Thing, t: np.ndarray) -> None:
    """Draws a pendulum whose bob hits a post and leaves it with the speed of its arrival."""
    since, _, gap = _phases(thing, t)
    fraction = since / gap
    side = 1.0 if thing.home < 32 else -1.0
    length = FLOOR - 8 - thing.radius
    room_beside = (62 - thing.home if side > 0 else thing.home - 2) - thing.radius
    widest = np.arcsin(min(room_beside / length, 0.65))
    angle = side * thing.reach * np.minimum(1.1 * gap, widest) * np.sin(np.pi * fraction)
    x, y = thing.home + length * np.sin(angle), 4 + length * np.cos(angle)
    post_x = thing.home - side * (thing.radius + 2)
    scene.capsule(thing.home, 4.0, x, y, 0.7, hsv(0.0, 0.0, 0.85))
    scene.box(post_x, FLOOR - 9, 2.0, 9.0, hsv(0.0, 0.0, 0.3), outline=0)
    scene.disc(x, y, thing.radius, thing.colour)


def _draw_roll(rng: np.random.Generator, scene: Scene, thing: Thing, t: np.ndarray) -> None:
    """Draws a ball that rolls on the floor between two posts and hits them alternately (the unseen split)."""
    since, _, gap = _phases(thing, t)
    side = np.where(np.searchsorted(thing.times, t, side="right") % 2, 1.0, -1.0)
    # Half the distance that the ball travels. The posts are a radius and their half width beyond its ends.
    half = thing.reach * min(rng.uniform(8.0, 16.0), thing.home - thing.radius - 5, 59 - thing.home - thing.radius)
    x = thing.home + side * half * (1 - 2 * since / gap)
    for end in (-1.0, 1.0):
        scene.box(thing.home + end * (half + thing.radius + 2), FLOOR - 9, 2.0, 9.0, hsv(0.0, 0.0, 0.3), outline=0)
    scene.disc(x, FLOOR - thing.radius, thing.radius, thing.colour)


def _sound(rng: np.random.Generator, things: list[Thing], span: Span) -> tuple[np.ndarray, tuple[Event, ...]]:
    track = room(rng, span.samples, level=10 ** rng.uniform(-3.8, -3.1))
    events = []
    for source, thing in enumerate(things):
        for world_time, level in zip(thing.times, thing.levels, strict=True):
            time = round((world_time - span.start) * SAMPLE_RATE) / SAMPLE_RATE
            if not -1.0 < time < span.seconds:
                continue
            blow = struck(rng, thing.material, thing.frequency, brightness=thing.lightness, strength=level)
            mix_at(track, blow, time)
            if time >= 0:
                events.append(Event(time=time, frequency=thing.frequency, strength=float(level), source=source))
    return limit_peak(track), tuple(sorted(events, key=lambda event: event.time))
