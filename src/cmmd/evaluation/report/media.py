"""The media files of a report: players that carry their file or point to it, and arrays for its figures (ours).

The page holds every media file in itself while they are `EMBED_LIMIT` together or less; otherwise all players refer to
files relative to the page, which must then be moved together with them.
"""

import base64
import io
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from cmmd.clips.reading import Clip, read_clip
from cmmd.errors import InputError
from cmmd.evaluation.record import Protocol, Record
from cmmd.evaluation.report.markup import Markup, element

EMBED_LIMIT = 8 * 2**20
"""Bytes of all media files together."""
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
"""Other suffixes are videos."""


def data_address(content: bytes, kind: str) -> str:
    """The content itself as an address, so that nothing has to be asked for."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Media:
    """The files of one report; `embedded` says which of the two promises holds for all its players."""

    folder: Path
    embedded: bool

    @classmethod
    def of(cls, record: Record, folder: Path) -> "Media":
        clips = [clip for system in record.systems for result in system.results for clip in result.clips]
        files = {folder / file for clip in clips for file in (clip.generated, clip.reference)}
        return cls(folder, sum(file.stat().st_size for file in files if file.is_file()) <= EMBED_LIMIT)

    def player(self, file: str, *, label: str) -> Markup:
        """Loads nothing before it is played; says so where the file is missing."""
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
        """The first frame as a small picture; None where there is none."""
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
        """As the evaluation read it. Raises InputError where that fails now."""
        path = self.folder / file
        return read_clip(path, fps=protocol.fps, image_size=protocol.image_size, sample_rate=protocol.sample_rate)


def sound_of(clip: Clip) -> np.ndarray:
    """The waveform, or InputError."""
    if clip.waveform is None:
        raise InputError.about(clip.source, found="no sound", expected="a file with sound")
    return clip.waveform


def frames_of(clip: Clip) -> np.ndarray:
    """The frames, or InputError."""
    if clip.frames is None:
        raise InputError.about(clip.source, found="no video", expected="a file with video")
    return clip.frames
