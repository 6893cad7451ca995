"""A generated clip, and how it is saved to a file (ours)."""

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
    """The sound of a take as saved.

    waveform: float32 (s,), or (2, s) in stereo. notes: the processing applied to it. loudness: measured if it was set.
    """

    waveform: np.ndarray
    sample_rate: int
    notes: tuple[str, ...] = ()
    loudness: Loudness | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Take:
    """The result for one seed.

    frames: uint8 (f, h, w, 3) at `fps`. waveform: float32 (s,) at `sample_rate` Hz; generated ones peak below 1.
    guidance: the strength used. source: the file of the condition, if any. seconds: spent reading, encoding, denoising,
    decoding and, if measured, scoring. keep: kept stretches of the source, in seconds. notes: what was corrected when
    reading the source, one sentence each. alignment: the model's own score of how well sound and video agree, at most
    1; None if not measured. With an event encoder it is the F1 that the onsets of the sound can expect against the
    events that the encoder sees in the frames; without, how much better the model denoises the take with its condition
    than with the same condition shifted in time.
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
        """One line: the modality, the length, the source and the seed."""
        what = {"audio": "sound", "video": "video", "both": "video and sound"}[self.generated]
        made_for = "" if self.source is None else f" for {self.source.name}"
        score = "" if self.alignment is None else f", alignment {self.alignment:.3f}"
        return f"<Take: {self.duration:.2f} s of {what}{made_for}, seed {self.seed}{score}>"

    def _repr_html_(self) -> str:
        """A player for notebooks: the frames that the model saw or generated, with the sound, embedded in the page."""
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
        """Returns the sound as saved: the generated or given sound, mono.

        With a generated video it is the source's original sound at 48 kHz: the model's rate would only degrade it. Kept
        stretches may exceed 1, as lossy sound does when it is decoded; they are clipped, as players do.
        """
        if self.generated == "video" and self.source is not None:
            waveform = read_clip(self.source, sample_rate=FULL_RATE, want="audio").waveform
            assert waveform is not None
            return TakeSound(waveform.clip(-1, 1), FULL_RATE)
        return TakeSound(self.waveform.clip(-1, 1), self.sample_rate)

    def save(
        self,
        path: str | Path,
        *,
        for_browsers: bool = False,
        sound: TakeSound | None = None,
        keep_sound: bool = False,
    ) -> Muxed | None:
        """Writes a media file, or the sound alone for .wav and .flac.

        Generated sound is muxed with the source's unchanged video. A generated video is encoded with the source's
        original sound, mixed to mono. for_browsers: encode a source video that no browser plays. sound: used instead of
        `sound()`, see `mastered`. keep_sound: retain the source's original sound as a second track.

        Returns what was done to the video stream if generated sound was muxed with a source, otherwise None. Raises
        InputError and ValueError as the functions of `writing` do.
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
