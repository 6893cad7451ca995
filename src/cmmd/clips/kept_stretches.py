"""Stretches of a clip that stay while the rest is generated: from seconds to frames, and put back (ours)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import Clip
from cmmd.errors import InputError

Stretch = tuple[float | int, float | int]
"""Start and end, seconds from the clip's start."""
FORGIVEN = Fraction(1, 1000)
"""Seconds: times of a container may be off by as much."""
FADE = 0.01
"""Seconds at an end of a stretch over which given and generated sound are mixed, so that nothing clicks."""


@dataclass(frozen=True, slots=True)
class KeptStretches:
    """What stays of a clip with picture and sound. frames: True on the video frames of the result that are kept."""

    clip: Clip
    frames: Bool[np.ndarray, " f"]
    geometry: Geometry

    @classmethod
    def of(cls, keep: Sequence[Stretch], clip: Clip, *, frames: int, geometry: Geometry) -> "KeptStretches | None":
        """Of a result of `frames` video frames; None without a stretch. Raises InputError as `kept_frames` does."""
        if not keep:
            return None
        assert clip.frames is not None and clip.waveform is not None
        # Picture and sound of a clip that was put together by hand may differ in length.
        seconds = min(clip.seconds, len(clip.frames) / clip.fps, len(clip.waveform) / clip.sample_rate)
        return cls(clip, kept_frames(keep, seconds=seconds, frames=frames, fps=geometry.fps), geometry)

    def over(self, frames: int) -> Bool[np.ndarray, " f"]:
        """`frames` for a result that was filled up to so many."""
        return np.pad(self.frames, (0, frames - len(self.frames)))

    def given_frames(self, frames: int) -> UInt8[np.ndarray, "f h w 3"]:
        """The clip's picture over so many frames; it holds its last one."""
        assert self.clip.frames is not None
        missing = max(0, frames - len(self.clip.frames))
        return np.concatenate([self.clip.frames, np.repeat(self.clip.frames[-1:], missing, axis=0)])[:frames]

    def given_sound(self, frames: int) -> Float[np.ndarray, " s"]:
        """The clip's sound over so many frames; it is mirrored at its end, where silence would make a click."""
        assert self.clip.waveform is not None
        samples = self.geometry.samples_of(frames)
        missing = max(0, samples - len(self.clip.waveform))
        return np.pad(self.clip.waveform, (0, missing), mode="reflect")[:samples]

    def into_frames(self, made: UInt8[np.ndarray, "f h w 3"]) -> UInt8[np.ndarray, "f h w 3"]:
        """Generated frames with the given ones where they are kept."""
        return np.where(self.frames[:, None, None, None], self.given_frames(len(made)), made)

    def into_sound(self, made: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
        """A generated waveform with the given samples where their frame is kept, mixed over `FADE` at the seams."""
        weight = kept_weight(self.frames, fps=self.geometry.fps, sample_rate=self.geometry.sample_rate)[: len(made)]
        # where, not the sum alone: a kept sample is the given one to the last bit.
        mixed = weight * self.given_sound(len(self.frames))[: len(made)] + (1 - weight) * made
        return np.where(weight == 1, self.given_sound(len(self.frames))[: len(made)], mixed)

    def generated_sound(self, made: Float[np.ndarray, " s"]) -> Float[np.ndarray, " generated"]:
        """The samples whose frame is not kept."""
        return made[~np.repeat(self.frames, self.geometry.samples_per_frame)[: len(made)]]


def kept_frames(keep: Sequence[Stretch], *, seconds: float | int, frames: int, fps: int) -> Bool[np.ndarray, " f"]:
    """True on those of `frames` video frames that lie in a stretch as a whole: each is rounded inwards. So many
    `seconds` of the clip are given.

    Raises InputError for a stretch that is no stretch, reaches out of the clip or holds no frame, and when nothing is
    left to generate.
    """
    kept = np.zeros(frames, dtype=bool)
    for stretch in keep:
        if not isinstance(stretch, Sequence) or [isinstance(time, float | int) for time in stretch] != [True, True]:
            raise InputError.about("keep", found=repr(stretch), expected="pairs of seconds, such as [(0.0, 0.8)]")
        start, end = stretch
        subject, found = "keep", f"{start:g} to {end:g} s"
        if not (math.isfinite(start) and math.isfinite(end) and start < end):
            raise InputError.about(subject, found=found, expected="an end after the start")
        first, last = Fraction(start), Fraction(end)
        if first < 0 or last > Fraction(seconds) + FORGIVEN:
            raise InputError.about(subject, found=found, expected=f"times from 0 to {seconds:g} s, the clip's end")
        inside = slice(max(0, math.ceil((first - FORGIVEN) * fps)), math.floor((last + FORGIVEN) * fps))
        if inside.start >= min(inside.stop, frames):
            raise InputError.about(subject, found=found, expected=f"a whole frame of {1 / fps:g} s within the result")
        kept[inside] = True
    if kept.all():
        raise InputError.about("keep", found="all of the result", expected="something left to generate")
    return kept


def kept_weight(frames: Bool[np.ndarray, " f"], *, fps: int, sample_rate: int) -> Float[np.ndarray, " s"]:
    """Share of the given sound in every sample: 1 where it is kept, with a ramp within the stretch at every seam."""
    begins = np.arange(len(frames) + 1) * sample_rate // fps
    weight = np.repeat(frames, np.diff(begins)).astype(np.float32)
    fade = min(round(FADE * sample_rate), sample_rate // fps // 2)
    ramp = (np.arange(fade, dtype=np.float32) + 0.5) / fade
    for seam in np.flatnonzero(frames[1:] != frames[:-1]) + 1:
        sample = begins[seam]
        if frames[seam]:
            weight[sample : sample + fade] = ramp
        else:
            weight[sample - fade : sample] = ramp[::-1]
    return weight
