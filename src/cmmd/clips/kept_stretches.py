"""Stretches of a clip that are kept while the rest is generated: frame masks, and merging (ours)."""

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
"""Start and end, in seconds from the start of the clip."""
FORGIVEN = Fraction(1, 1000)
"""Tolerance in seconds for times of a container."""
FADE = 0.01
"""Seconds inside each end of a stretch over which given and generated sound are cross-faded, to avoid clicks."""


@dataclass(frozen=True, slots=True)
class KeptStretches:
    """The kept stretches of a clip with picture and sound.

    frames: True on the video frames of the result that are kept.
    """

    clip: Clip
    frames: Bool[np.ndarray, " f"]
    geometry: Geometry

    @classmethod
    def of(cls, keep: Sequence[Stretch], clip: Clip, *, frames: int, geometry: Geometry) -> "KeptStretches | None":
        """Returns the stretches for a result of `frames` video frames, or None if `keep` is empty.

        Raises InputError as `kept_frames` does.
        """
        if not keep:
            return None
        assert clip.frames is not None and clip.waveform is not None
        # Picture and sound of a clip that the user has built may differ in length.
        seconds = min(clip.seconds, len(clip.frames) / clip.fps, len(clip.waveform) / clip.sample_rate)
        return cls(clip, kept_frames(keep, seconds=seconds, frames=frames, fps=geometry.fps), geometry)

    def over(self, frames: int) -> Bool[np.ndarray, " f"]:
        """Returns `self.frames` padded with False to a length of `frames`."""
        return np.pad(self.frames, (0, frames - len(self.frames)))

    def given_frames(self, frames: int) -> UInt8[np.ndarray, "f h w 3"]:
        """Returns `frames` frames of the clip; a shorter clip is padded by repeating its last frame."""
        assert self.clip.frames is not None
        missing = max(0, frames - len(self.clip.frames))
        return np.concatenate([self.clip.frames, np.repeat(self.clip.frames[-1:], missing, axis=0)])[:frames]

    def given_sound(self, frames: int) -> Float[np.ndarray, " s"]:
        """Returns the sound of the clip for `frames` video frames. A shorter sound is mirrored at its end: padding with
        silence would cause a click."""
        assert self.clip.waveform is not None
        samples = self.geometry.samples_of(frames)
        missing = max(0, samples - len(self.clip.waveform))
        return np.pad(self.clip.waveform, (0, missing), mode="reflect")[:samples]

    def into_frames(self, generated: UInt8[np.ndarray, "f h w 3"]) -> UInt8[np.ndarray, "f h w 3"]:
        """Returns the generated frames with the kept ones replaced by the given frames."""
        return np.where(self.frames[:, None, None, None], self.given_frames(len(generated)), generated)

    def into_sound(self, generated: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
        """Returns the generated waveform with the given samples on kept frames, cross-faded over `FADE` at the
        seams."""
        weight = kept_weight(self.frames, fps=self.geometry.fps, sample_rate=self.geometry.sample_rate)[
            : len(generated)
        ]
        # np.where in addition to the sum: a kept sample equals the given one exactly.
        mixed = weight * self.given_sound(len(self.frames))[: len(generated)] + (1 - weight) * generated
        return np.where(weight == 1, self.given_sound(len(self.frames))[: len(generated)], mixed)

    def generated_sound(self, generated: Float[np.ndarray, " s"]) -> Float[np.ndarray, " generated"]:
        """Returns the samples of `generated` whose frame is not kept."""
        return generated[~np.repeat(self.frames, self.geometry.samples_per_frame)[: len(generated)]]


def kept_frames(keep: Sequence[Stretch], *, seconds: float | int, frames: int, fps: int) -> Bool[np.ndarray, " f"]:
    """Returns a mask over `frames` video frames: True on frames that lie completely inside a stretch.

    seconds: length of the given clip. Raises InputError if a stretch is not a pair of numbers, does not end after its
    start, reaches beyond the clip or contains no whole frame of the result, and if no frame is left to generate.
    """
    mask = np.zeros(frames, dtype=bool)
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
        mask[inside] = True
    if mask.all():
        raise InputError.about("keep", found="all of the result", expected="something left to generate")
    return mask


def kept_weight(frames: Bool[np.ndarray, " f"], *, fps: int, sample_rate: int) -> Float[np.ndarray, " s"]:
    """Returns the weight of the given sound in every sample: 1 in a stretch, 0 outside, with a ramp inside the stretch
    at every seam."""
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
