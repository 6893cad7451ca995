"""The sound of a take for delivery: mixed with the clip's original sound, at a set loudness, in stereo (ours)."""

from dataclasses import dataclass

import numpy as np
import soxr

from cmmd.clips.kept_stretches import kept_frames, kept_weight
from cmmd.clips.loudness import to_loudness
from cmmd.clips.stereo import FULL_RATE, read_stereo
from cmmd.clips.take import Take, TakeSound

LOUDEST = 0.95
"""Largest peak of a mix before its loudness is set; the same as for a generated waveform."""
HEARD = 10 ** (-30 / 20)
"""Generated sound counts as heard where its level exceeds this share of its largest level."""
LEVEL_BLOCK = FULL_RATE // 100
"""Samples per level measurement: 10 ms."""
DUCKED_AROUND = 10
"""Blocks of 10 ms by which a heard region is extended on each side; also half the length of the ramps there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mastering:
    """How to master the sound of a take.

    mix: level in dB of the clip's original sound under the generated sound; None leaves it out. duck: dB by which the
    original sound is lowered while generated sound is heard. loudness: integrated loudness in LUFS (EBU R 128); None
    leaves it unchanged. stereo: two channels at 48 kHz, which `mix` implies; otherwise generated sound stays mono at
    the model's rate.

    Raises ValueError if `duck` is negative or is given without `mix`.
    """

    mix: float | int | None = None
    duck: float | int = 0.0
    loudness: float | int | None = None
    stereo: bool = False

    def __post_init__(self) -> None:
        if self.duck < 0 or (self.duck and self.mix is None):
            raise ValueError(f"duck is {self.duck} and mix {self.mix}, expected 0 or more, and a mix that is ducked")

    @property
    def uses_source_sound(self) -> bool:
        """Whether the result depends on the original sound of the clip."""
        return self.mix is not None


def mastered(take: Take, mastering: Mastering) -> TakeSound:
    """Returns the sound of a take for `Take.save`. Kept stretches have the clip's original sound at full level.

    Raises InputError if the take's source can no longer be read.
    """
    sound = _stereo(take, mastering) if mastering.stereo or mastering.mix is not None else take.sound()
    if mastering.loudness is None:
        return sound
    levelled = to_loudness(sound.waveform, sound.sample_rate, mastering.loudness)
    return TakeSound(levelled.waveform, sound.sample_rate, (*sound.notes, *levelled.notes), loudness=levelled.loudness)


def _stereo(take: Take, mastering: Mastering) -> TakeSound:
    """Returns two channels at 48 kHz, with the clip's original sound where it is kept or mixed in."""
    seconds = take.duration
    source_sound = None
    if take.source is not None and (take.generated == "video" or take.keep or mastering.mix is not None):
        source_sound = read_stereo(take.source, seconds=seconds)
    if take.generated == "video":
        notes = () if mastering.mix is None else ("nothing is mixed in: the sound is the clip's own",)
        if source_sound is None:
            return TakeSound(_raised(take), FULL_RATE, notes)
        return TakeSound(source_sound.waveform.clip(-1, 1), FULL_RATE, (*source_sound.notes, *notes))
    generated = _raised(take)
    if source_sound is None:
        notes = () if mastering.mix is None else ("no sound of its own to mix in",)
        return _turned_down(generated, notes)
    original = _of_length(source_sound.waveform, generated.shape[1])
    source_weight = _source_weight(take, generated.shape[1])
    mixed = source_weight * original + (1 - source_weight) * generated
    if mastering.mix is not None:
        level = mastering.mix - mastering.duck * _heard((1 - source_weight) * generated[0])
        mixed += (1 - source_weight) * 10 ** (level / 20) * original
    return _turned_down(mixed.astype(np.float32), source_sound.notes)


def _raised(take: Take) -> np.ndarray:
    """Returns the take's waveform at 48 kHz on both channels, float32 (2, s)."""
    raised = soxr.resample(np.asarray(take.waveform, np.float32), take.sample_rate, FULL_RATE)
    return np.tile(raised, (2, 1))


def _source_weight(take: Take, samples: int) -> np.ndarray:
    """Returns the weight of the clip's original sound in every sample at 48 kHz."""
    if not take.keep:
        return np.zeros(samples, np.float32)
    last = max(end for _, end in take.keep)
    frames = kept_frames(take.keep, seconds=last, frames=len(take.frames), fps=take.fps)
    return _of_length(kept_weight(frames, fps=take.fps, sample_rate=FULL_RATE), samples)


def _heard(generated: np.ndarray) -> np.ndarray:
    """Returns 1 where a sound (s,) is heard and 0 where it is not, with ramps of 0.2 s before and after."""
    blocks = -(-len(generated) // LEVEL_BLOCK)
    level = np.sqrt(np.square(_of_length(generated, blocks * LEVEL_BLOCK)).reshape(blocks, LEVEL_BLOCK).mean(axis=1))
    above = (level > HEARD * level.max(initial=0)).astype(np.float64)
    width = 2 * DUCKED_AROUND + 1
    near = np.convolve(above, np.ones(width))[DUCKED_AROUND:-DUCKED_AROUND] > 0.5
    smooth = np.convolve(
        np.pad(near.astype(np.float64), DUCKED_AROUND, mode="edge"), np.full(width, 1 / width), "valid"
    )
    middle = (np.arange(blocks) + 0.5) * LEVEL_BLOCK
    return np.interp(np.arange(len(generated)), middle, smooth)


def _turned_down(waveform: np.ndarray, notes: tuple[str, ...]) -> TakeSound:
    """Scales the waveform to a peak of at most `LOUDEST` and adds a note if that lowered it."""
    peak = float(np.abs(waveform).max(initial=0))
    if peak <= LOUDEST:
        return TakeSound(waveform, FULL_RATE, notes)
    note = f"turned down by {20 * np.log10(peak / LOUDEST):.1f} dB, so that no peak is cut off"
    return TakeSound(waveform * np.float32(LOUDEST / peak), FULL_RATE, (*notes, note))


def _of_length(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Cuts the last axis to `samples` or pads it with silence."""
    missing = max(0, samples - waveform.shape[-1])
    return np.pad(waveform[..., :samples], [(0, 0)] * (waveform.ndim - 1) + [(0, missing)])
