"""Media files of a report: players that embed a file or link to it, and arrays for the figures (ours).

The page embeds all media files if their total size is at most `EMBED_LIMIT`. Otherwise all players link to files
relative to the page, and the page must be moved together with them.
"""

import base64
import io
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from cmmd.clips.reading import Clip, read_clip
from cmmd.errors import InputError
from cmmd.evaluation.record.protocol import Protocol
from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.report.markup import element

EMBED_LIMIT = 8 * 2**20
"""Total size of all media files, in bytes."""
POSTER = 96  # pixels
TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/webm",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
}
"""MIME type by suffix; other suffixes count as video/mp4."""


def data_address(content: bytes, kind: str) -> str:
    """Returns a base64 data URL. kind: MIME type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Media:
    """Media files of one report. embedded: whether all players embed their file; otherwise all link to it."""

    folder: Path
    embedded: bool

    @classmethod
    def of(cls, record: Record, folder: Path) -> "Media":
        clips = [clip for system in record.systems for result in system.results for clip in result.clips]
        files = {folder / file for clip in clips for file in (clip.generated, clip.reference)}
        return cls(folder, sum(file.stat().st_size for file in files if file.is_file()) <= EMBED_LIMIT)

    def player(self, file: str, *, label: str) -> Markup:
        """A player that loads no data before playback, or a note if the file is missing."""
        path = self.folder / file
        if not path.is_file():
            return element("p", f"{file}: no such file", class_="absent")
        kind = TYPES.get(path.suffix.lower(), "video/mp4")
        address = data_address(path.read_bytes(), kind) if self.embedded else quote(os.fsencode(file))
        shared = {"controls": True, "preload": "none", "src": address, "aria_label": label}
        if kind.startswith("audio"):
            return element("audio", **shared)
        return element("video", **shared, poster=self.poster(path), playsinline=True)

    def poster(self, path: Path) -> str | None:
        """Data URL of the first frame as a small JPEG; None if no frame can be read."""
        from PIL import Image

        try:
            frames = read_clip(path, image_size=POSTER, fit="letterbox", seconds=0.1, want="video").frames
        except InputError:
            return None
        buffer = io.BytesIO()
        assert frames is not None
        Image.fromarray(frames[0]).save(buffer, "JPEG", quality=75)
        return data_address(buffer.getvalue(), "image/jpeg")

    def read(self, file: str, protocol: Protocol) -> Clip:
        """Reads a file with the settings of the evaluation. Raises InputError if it cannot be read."""
        path, wanted = self.folder / file, protocol.clip_format
        return read_clip(path, fps=wanted.fps, image_size=wanted.image_size, sample_rate=wanted.sample_rate)


def sound_of(clip: Clip) -> np.ndarray:
    """The waveform (s,). Raises InputError if the clip has none."""
    if clip.waveform is None:
        raise InputError.about(clip.source, found="no sound", expected="a file with sound")
    return clip.waveform


def frames_of(clip: Clip) -> np.ndarray:
    """The frames, uint8 (f, h, w, 3). Raises InputError if the clip has none."""
    if clip.frames is None:
        raise InputError.about(clip.source, found="no video", expected="a file with video")
    return clip.frames
