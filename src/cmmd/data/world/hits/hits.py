"""Clips of the family `hits` (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.exposure import Exposure, draw_exposure, expose, focus, illuminate
from cmmd.data.world.clip import EDGE, WorldClip
from cmmd.data.world.difficulty import Difficulty, worsen
from cmmd.data.world.hits.camera import Shutter, draw_camera, draw_shutter, view_of
from cmmd.data.world.hits.film import compressed, enlarged, flicker, lay_over
from cmmd.data.world.hits.scene import Scene, draw_scene
from cmmd.data.world.hits.soundtrack import Heard, soundtrack
from cmmd.data.world.hits.stage import chained, render

CUTS = 0.12
"""Fraction of clips with a cut. In half of them another scene follows, in the others another view of the same scene."""
DARK = 0.27
"""Mean luminance below which exposures are longer."""


def hits_clip(
    rng: np.random.Generator, *, seed: int, frames: int, fps: int, image_size: int, difficulty: Difficulty
) -> WorldClip:
    """Generates one clip of the family. Scene and sound do not depend on the frame rate or the image size."""
    looks, first, second, sounds, film = rng.spawn(5)
    exposure = draw_exposure(looks)
    shutter = draw_shutter(looks, dark=exposure.light < DARK)
    t, seconds = shutter.times(frames, fps), frames / fps
    scenes = [
        draw_scene(stream, t, seconds=seconds, size=image_size, difficulty=difficulty)
        for stream in ([first, second] if looks.random() < CUTS / 2 else [first])
    ]
    pixels, heard = _filmed(looks, scenes, t, shutter, fps=fps, size=image_size)
    waveform, events = soundtrack(sounds, heard, seconds=seconds)
    pixels = worsen(_developed(film, pixels, exposure, fps), difficulty, film)
    return WorldClip(frames=pixels, waveform=waveform, events=events, family="hits", seed=seed, fps=fps)


def _filmed(
    rng: np.random.Generator, scenes: list[Scene], t: np.ndarray, shutter: Shutter, *, fps: int, size: int
) -> tuple[np.ndarray, list[Heard]]:
    """Renders float32 frames, and returns them with the sounds of every interval. A cut separates two scenes. A single
    scene may have a cut to another view, during which its sound continues."""
    frames = len(t) // shutter.moments
    shown, seconds = np.arange(frames) / fps, frames / fps
    camera = draw_camera(rng, t)
    moved, view, moments = rng.random() < CUTS / 2, view_of(rng), rng.uniform(0.2, 0.8, 20) * seconds
    film = {"size": size, "exposures": shutter.moments}
    pixels = render(scenes[0].stage, scenes[0].backdrop, camera, **film)
    if len(scenes) == 1 and not moved:
        return pixels, [Heard(soundings=scenes[0].soundings, start=0.0, stop=seconds)]
    cut = _quiet(moments, scenes)
    if moved:
        camera = chained(np.broadcast_to(view, camera.shape), camera)
    after = render(scenes[-1].stage, scenes[-1].backdrop, camera, **film)
    pixels = np.where((shown < cut)[:, None, None, None], pixels, after)
    if len(scenes) == 1:
        return pixels, [Heard(soundings=scenes[0].soundings, start=0.0, stop=seconds)]
    return pixels, [
        Heard(soundings=scenes[0].soundings, start=0.0, stop=cut),
        Heard(soundings=scenes[1].soundings, start=cut, stop=seconds),
    ]


def _quiet(moments: np.ndarray, scenes: list[Scene]) -> float:
    """The first moment that is not near any contact, or else the one farthest from all contacts (s)."""
    times = [sounding.times for scene in scenes for sounding in scene.soundings]
    distance = np.abs(moments[:, None] - np.concatenate([[np.inf], *times])).min(1)
    return float(moments[np.argmax(np.minimum(distance, 2 * EDGE))])


def _developed(rng: np.random.Generator, pixels: np.ndarray, exposure: Exposure, fps: int) -> np.ndarray:
    """Develops rendered frames to uint8: light, focus, exposure, and the post-processing of recordings."""
    pixels = np.stack([focus(frame, exposure) for frame in illuminate(pixels, exposure)])
    settings, noise = rng.spawn(2)
    developed = lay_over(settings, expose(flicker(settings, pixels, fps), exposure, noise))
    smaller, pressed, quality = settings.random() < 0.2, settings.random() < 0.5, int(settings.integers(16, 35))
    if smaller:
        developed = enlarged(settings, developed)
    return compressed(developed, quality=quality, fps=fps) if pressed else developed
