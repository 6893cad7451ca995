"""Spoilt media files of twelve formats: each is read, or refused in a line, within bounds of time and memory."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random

import pytest
from made_media import MadeSound, MadeVideo, grey_frames, make_media, steady_times, tone
from spoiling import TIMES, spoilt_bytes
from watching import MEMORY, Watched, limit_memory, watched

from cmmd.clips.probing import probe
from cmmd.clips.reading import read_clip
from cmmd.doctor.examination import examine
from cmmd.runtime.worker_processes import Workers

pytestmark = pytest.mark.slow

MUTANTS = 15 * TIMES
"""Of each format."""
SECONDS = 30.0
"""That a file may take, all its readings together, on a shared machine."""


def picture(**options) -> MadeVideo:
    return MadeVideo(grey_frames(8), steady_times(8), **options)


def sound(codec: str, *, rate: int = 48_000, sample_format: str = "fltp", layout: str = "stereo") -> MadeSound:
    channels = 2 if layout == "stereo" else 1
    waveform = tone(0.4, 440, rate=rate, channels=channels)
    return MadeSound(waveform, rate=rate, codec=codec, layout=layout, sample_format=sample_format)


FORMATS: dict[str, tuple[MadeVideo | MadeSound, ...]] = {
    "a.mp4": (picture(), sound("aac")),
    "b.mov": (picture(), sound("pcm_s16le", sample_format="s16")),
    "c.mkv": (picture(), sound("flac", sample_format="s16")),
    "d.webm": (picture(codec="libvpx", options={"deadline": "realtime"}), sound("libopus", sample_format="flt")),
    "e.avi": (picture(codec="mpeg4", options={}), sound("libmp3lame")),
    "f.ts": (picture(), sound("aac")),
    "g.gif": (picture(codec="gif", pix_fmt="rgb8", options={}, rate=Fraction(25)),),
    "h.wav": (sound("pcm_s16le", sample_format="s16"),),
    "i.flac": (sound("flac", sample_format="s16"),),
    "j.ogg": (sound("libopus", sample_format="flt"),),
    "k.mp3": (sound("libmp3lame"),),
    "l.apng": (picture(codec="apng", pix_fmt="rgb24", options={}),),
}


def attempt(path: Path) -> list[Watched]:
    """In a worker: all readers of a media file."""
    limit_memory()
    readers: tuple[Callable[[Path], object], ...] = (read_clip, probe, partial(examine, shortest=1.6, drawn=True))
    return [watched(partial(read, path)) for read in readers]


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    for name, streams in FORMATS.items():
        make_media(folder / name, *streams)
    found = {name: (folder / name).read_bytes() for name in FORMATS}
    for name in FORMATS:
        assert read_clip(folder / name).seconds > 0.2
    return found


def test_a_spoilt_file_is_read_or_refused(tmp_path, originals):
    files = []
    for name, data in originals.items():
        for seed in range(MUTANTS):
            path = tmp_path / f"{seed}-{name}"
            path.write_bytes(spoilt_bytes(data, Random(f"{name} {seed}")))
            files.append(path)
    with Workers(attempt, count=1, seconds=SECONDS) as workers:
        outcomes = list(zip(files, workers.map(files), strict=True))
    defects = [f"{path.name}: {found}" for path, found in outcomes if not isinstance(found, list)]
    assert not defects, "\n".join(defects)
    read = [(path, found) for path, found in outcomes if isinstance(found, list)]
    heavy = [f"{path.name}: {found}" for path, found in read if max(one.peak for one in found) > MEMORY]
    assert not heavy, "\n".join(heavy)
    refused = sum(found[0].told is not None for _, found in read)
    assert 0.05 < refused / len(files) < 0.95  # neither all the same nor all rubbish
    spent = sum(one.seconds for _, found in read for one in found)
    peak = max(one.peak for _, f in read for one in f)
    print(f"{len(files)} mutants, {refused} refused, largest peak {peak:.0f} MB, {spent:.0f} s")
