"""A clip that was generated, and how it becomes a file (ours)."""

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from cmmd.clips.kept_stretches import Stretch
from cmmd.clips.loudness import Loudness
from cmmd.clips.reading import read_clip
from cmmd.clips.stereo import FULL_RATE
from cmmd.clips.writing import SOUND_ALONE, Muxed, write_sound, write_sound_under_video, write_video


class TakeSound(NamedTuple):
    """What a take sounds like in a file. waveform: float32 (s,), or (2, s) in stereo. notes: what was done to it.
    loudness: measured where it was set."""

    waveform: np.ndarray
    sample_rate: int
    notes: tuple[str, ...] = ()
    loudness: Loudness | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Take:
    """What was made for one seed. frames: uint8 (f, h, w, 3) at `fps`. waveform: float32 (s,) at `sample_rate` Hz.

    A generated waveform's peak is below 1. guidance: the strength that was used. source: the file it was made for, if
    any. seconds: of reading, encoding, denoising and decoding. keep: stretches of the source that stayed, seconds.
    notes: what had to be put right in the source to read it, one sentence each. alignment: how well it belongs to its
    condition, by the model's own denoising (0: no better than to the condition shifted in time), where it was measured.
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
    alignment: float | None = None

    def __repr__(self) -> str:
        """One line: what it is, and of which seed."""
        what = {"audio": "sound", "video": "video", "both": "video and sound"}[self.generated]
        made_for = "" if self.source is None else f" for {self.source.name}"
        score = "" if self.alignment is None else f", alignment {self.alignment:.3f}"
        return f"<Take: {self.duration:.2f} s of {what}{made_for}, seed {self.seed}{score}>"

    def _repr_html_(self) -> str:
        """A player for notebooks: the frames that the model saw or made, with the sound, inside the page."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "take.mp4"
            sound = self.waveform.clip(-1, 1)
            write_video(self.frames, file, fps=self.fps, waveform=sound, sample_rate=self.sample_rate)
            content = base64.b64encode(file.read_bytes()).decode("ascii")
        caption = html.escape(repr(self))
        player = f'<video controls loop width="320" src="data:video/mp4;base64,{content}"></video>'
        return f"<figure>{player}<figcaption>{caption}</figcaption></figure>"

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return len(self.waveform) / self.sample_rate

    def sound(self) -> TakeSound:
        """The sound as it is saved: what was generated or given, mono. Under a generated video it is the source's own
        at 48 kHz: the model's rate would be a loss for nothing."""
        if self.generated == "video" and self.source is not None:
            waveform = read_clip(self.source, sample_rate=FULL_RATE, want="audio").waveform
            assert waveform is not None
            return TakeSound(waveform.clip(-1, 1), FULL_RATE)
        return TakeSound(self.waveform, self.sample_rate)

    def save(
        self,
        path: str | Path,
        *,
        for_browsers: bool = False,
        sound: TakeSound | None = None,
        keep_sound: bool = False,
    ) -> Muxed | None:
        """Write a media file, or the sound alone for .wav and .flac.

        Generated sound goes under the source's untouched video, and the result says what became of its packets; with
        `for_browsers`, video that no browser plays is encoded again. A generated video is encoded with the source's
        sound as it was, mixed to mono. sound: in place of `sound()`, see `mastered`. keep_sound: the source's own sound
        is a second track beside a generated one.
        """
        waveform, rate, *_ = sound or self.sound()
        if Path(path).suffix.lower() in SOUND_ALONE:
            write_sound(waveform, path, sample_rate=rate)
        elif self.generated == "audio" and self.source is not None:
            return write_sound_under_video(
                self.source, waveform, path, sample_rate=rate, for_browsers=for_browsers, keep_sound=keep_sound
            )
        else:
            write_video(self.frames, path, fps=self.fps, waveform=waveform.clip(-1, 1), sample_rate=rate)
        return None
