"""A clip that was generated, and how it becomes a file (ours)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cmmd.clips.kept_stretches import Stretch
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import SOUND_ALONE, Muxed, write_sound, write_sound_under_video, write_video

FULL_RATE = 48_000
"""Hz of a source's own sound under a generated video: the model's 16 kHz would be a loss for nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """What was made for one seed. frames: uint8 (f, h, w, 3) at `fps`. waveform: float32 (s,) at `sample_rate` Hz.

    A generated waveform's peak is below 1. guidance: the strength that was used. source: the file it was made for, if
    any. seconds: of reading, encoding, denoising and decoding. keep: stretches of the source that stayed, seconds.
    notes: what had to be put right in the source to read it, one sentence each.
    """

    frames: np.ndarray
    waveform: np.ndarray
    fps: int
    sample_rate: int
    seed: int
    generated: str
    guidance: float
    source: Path | None
    seconds: dict[str, float]
    keep: tuple[Stretch, ...] = ()
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path, *, for_browsers: bool = False) -> Muxed | None:
        """Write a media file, or the sound alone for .wav and .flac.

        Generated sound goes under the source's untouched video, and the result says what became of its packets; with
        `for_browsers`, video that no browser plays is encoded again. A generated video is encoded with the source's
        sound as it was, mixed to mono.
        """
        if Path(path).suffix.lower() in SOUND_ALONE:
            write_sound(self.waveform, path, sample_rate=self.sample_rate)
        elif self.generated == "audio" and self.source is not None:
            return write_sound_under_video(
                self.source, self.waveform, path, sample_rate=self.sample_rate, for_browsers=for_browsers
            )
        else:
            waveform, rate = self.waveform, self.sample_rate
            if self.generated == "video" and self.source is not None:
                rate = FULL_RATE
                waveform = read_clip(self.source, sample_rate=rate, want="audio").waveform
                assert waveform is not None
            write_video(self.frames, path, fps=self.fps, waveform=waveform.clip(-1, 1), sample_rate=rate)
        return None
