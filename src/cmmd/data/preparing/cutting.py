"""Cuts files into clips of pixels and sound. Runs in worker processes, which do not import torch at start (ours)."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.clips.picture_fit import Fit, Region
from cmmd.clips.reading import Clip, Want, read_clip
from cmmd.data.preparing.person import moving_region
from cmmd.data.preparing.request import ClipRequest
from cmmd.errors import InputError

BLOCK_SECONDS = 60.0
BLOCK_BYTES = 2**30
"""Maximum duration and bytes of pixels that are read from a whole file at once; bounds the memory of a worker."""
SILENT = 1e-4
"""RMS, 80 dB below full scale. Quieter clips are skipped, because nothing can be learnt from their sound."""
WHOLE = 1e-3
"""Tolerance in frames when a duration is rounded down to whole frames: containers round their timestamps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutSettings:
    """frames: length of a clip. fewest: minimum length of a clip in frames. Other fields: see `read_clip`."""

    fps: int
    frames: int
    fewest: int
    image_size: int
    sample_rate: int
    fit: Fit

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    @property
    def clip_bytes(self) -> int:
        """Bytes of the pixels of a clip."""
        return self.frames * self.image_size**2 * 3

    @property
    def block(self) -> int:
        """Number of clips that are read at once."""
        return max(1, min(round(BLOCK_SECONDS / self.seconds), BLOCK_BYTES // self.clip_bytes))


class RawClip(NamedTuple):
    """start: seconds in its file. frames: uint8 (f, h, w, 3). waveform: float32 (s,), of the same duration."""

    name: str
    start: float
    frames: np.ndarray
    waveform: np.ndarray
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Hash of pixels and samples; clips with equal digests are equal."""
        return hashlib.sha256(self.frames.tobytes() + self.waveform.tobytes()).hexdigest()[:16]


class CutJob(NamedTuple):
    """Block number `block` of a request. A request with a start time has only one block."""

    request: ClipRequest
    block: int
    settings: CutSettings


class Cut(NamedTuple):
    """Result of a job. skipped: (name, reason). goes_on: whether the file may have another block."""

    clips: tuple[RawClip, ...]
    skipped: tuple[tuple[str, str], ...]
    goes_on: bool


def cut(job: CutJob) -> Cut:
    """Returns the clips of a job. Raises InputError when the file cannot be read, lacks video or sound, or is to be cut
    as a whole and is shorter than the shortest clip."""
    request, block, settings = job
    if request.start is not None:
        found = _cut_stretch(request, settings)
        return Cut(*_sorted_out([found], settings), goes_on=False)
    start = block * settings.block * settings.seconds
    try:
        clip = _read(request, settings, start=start, seconds=settings.block * settings.seconds)
    except InputError:
        if block:  # the file ended with the previous block
            return Cut((), (), goes_on=False)
        raise
    pieces = [
        _piece(clip, first, settings, name=f"{request.name}@{start + first / settings.fps:.1f}", start=start)
        for first in range(0, _whole_frames(clip), settings.frames)
    ]
    if not pieces or (block == 0 and len(pieces[0].frames) < settings.fewest):
        raise InputError(f"found {clip.seconds:.2f} s, expected at least {settings.fewest / settings.fps:g} s")
    goes_on = _whole_frames(clip) >= settings.block * settings.frames
    # A remainder at the end of a longer file that is too short for a clip is dropped without an entry in `skipped`.
    return Cut(*_sorted_out([p for p in pieces if len(p.frames) >= settings.fewest], settings), goes_on=goes_on)


def _cut_stretch(request: ClipRequest, settings: CutSettings) -> RawClip:
    start = request.start
    assert start is not None
    clip = _read(request, settings, start=start, seconds=settings.seconds)
    missing = settings.seconds - clip.seconds
    if missing > WHOLE / settings.fps and start > 0:
        start = max(0.0, start - missing)
        clip = _read(request, settings, start=start, seconds=settings.seconds)
    return _piece(clip, 0, settings, name=request.name, start=start)


def _piece(clip: Clip, first: int, settings: CutSettings, *, name: str, start: float) -> RawClip:
    """Returns the clip that begins at frame `first` of the decoded block."""
    assert clip.frames is not None and clip.waveform is not None
    frames = clip.frames[first : min(first + settings.frames, _whole_frames(clip))]
    each = settings.sample_rate // settings.fps
    waveform = clip.waveform[first * each : (first + len(frames)) * each]
    waveform = np.pad(waveform, (0, len(frames) * each - len(waveform)))  # rounding may lose the last sample
    return RawClip(name, round(start + first / settings.fps, 6), frames, waveform, clip.notes)


def _sorted_out(clips: list[RawClip], settings: CutSettings) -> tuple[tuple[RawClip, ...], tuple[tuple[str, str], ...]]:
    kept, skipped = [], []
    for clip in clips:
        if len(clip.frames) < settings.fewest:
            found, expected = len(clip.frames) / settings.fps, settings.fewest / settings.fps
            skipped.append((clip.name, f"found {found:.2f} s, expected at least {expected:g} s"))
        elif np.sqrt(np.mean(np.square(clip.waveform, dtype=np.float64))) < SILENT:
            skipped.append((clip.name, "silent"))
        else:
            kept.append(clip)
    return tuple(kept), tuple(skipped)


def _whole_frames(clip: Clip) -> int:
    return int(clip.seconds * clip.fps + WHOLE)


def _read(request: ClipRequest, settings: CutSettings, *, start: float, seconds: float) -> Clip:
    """Reads video and sound; the sound comes from `request.sound` if set. Raises InputError when one is missing."""
    read = partial(
        read_clip,
        fps=settings.fps,
        image_size=settings.image_size,
        sample_rate=settings.sample_rate,
        start=start,
        seconds=seconds,
        fit=_person(request.file) if request.person else settings.fit,
    )
    want: Want = "both" if request.sound is None else "video"
    clip = read(request.file, want=want)
    if clip.frames is None:
        raise InputError.about(request.file, found="no video", expected="a file with video and sound")
    if request.sound is not None:
        return _with_sound(clip, request.sound, start=start)
    if clip.waveform is None:
        raise InputError.about(request.file, found="no sound", expected="a file with video and sound")
    return clip


def _with_sound(clip: Clip, sound: Path, *, start: float) -> Clip:
    wanted = round(clip.seconds * clip.sample_rate)
    if sound.suffix.lower() == ".png":
        import torch  # imported only by workers that need it

        from cmmd.data.preparing.vas import sound_of_picture

        torch.set_num_threads(1)  # one worker per core
        waveform = sound_of_picture(sound, sample_rate=clip.sample_rate)[round(start * clip.sample_rate) :][:wanted]
    else:
        heard = read_clip(sound, sample_rate=clip.sample_rate, start=start, seconds=clip.seconds, want="audio")
        assert heard.waveform is not None
        waveform = heard.waveform
    waveform = np.pad(waveform, (0, wanted - len(waveform)))
    return Clip(clip.frames, waveform, clip.fps, clip.sample_rate, clip.seconds, clip.source, clip.notes)


@lru_cache(maxsize=8)
def _person(file: Path) -> Region | Fit:
    return moving_region(file) or "crop"
