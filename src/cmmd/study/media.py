"""The clips of the page: one file format for every system, the mismatched floor, and the attention checks (ours).

The project's writer writes the clips of all systems. It copies the video stream, or encodes it again if its codec is
not in PLAYED_EVERYWHERE. The sound is decoded, mixed to mono and encoded again. Metadata, chapters and further streams
of the source are left out, because a title or comment could reveal the system.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cmmd.clips.probing import MediaInfo, probe
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound_under_video, write_video
from cmmd.errors import InputError
from cmmd.measures.alignment import derangement
from cmmd.runtime.progress import progress
from cmmd.study.plan import MISMATCHED, REAL, Medium, Plan

SAMPLE_RATE = 48000  # Hz; what browsers play without resampling
PLAYED_EVERYWHERE = {"h264", "vp8", "vp9", "av1"}
CHECK_SECONDS, CHECK_FPS, CHECK_SIZE = 2.0, 10, 256
KEYS = {"pair": {1: "A", 2: "no preference", 3: "B"}, "rating": {k: str(k) for k in range(1, 6)}}

Sources = Mapping[str, Mapping[str, Path]]
"""Item (stem) -> system -> file."""


def write_media(plan: Plan, sources: Sources, folder: Path, *, seed: int) -> dict[str, MediaInfo]:
    """Write every clip of the plan as `folder/ID.mp4`; returns the MediaInfo of each by id.

    Clips are written in the order of their ids, so that modification times do not reveal the systems. Raises InputError
    for a source without video or without sound.
    """
    partner = mismatched_sounds(list(sources), seed=seed) if len(sources) > 1 else {}
    found = {}
    for name, medium in progress(sorted(plan.media.items()), "clips of the page", unit="clip"):
        out = folder / f"{name}.mp4"
        if medium.asks_for is not None:
            _write_check(medium, out)
        elif medium.system == MISMATCHED:
            _write(sources[medium.item][REAL], sources[partner[medium.item]][REAL], out)
        else:
            file = sources[medium.item][medium.system]
            _write(file, file, out)
        found[name] = probe(out)
    return found


def mismatched_sounds(stems: list[str], *, seed: int) -> dict[str, str]:
    """Maps every clip to a different clip, whose sound it gets. Needs at least two clips."""
    order = derangement(len(stems), np.random.default_rng(seed))
    return {stem: stems[other] for stem, other in zip(stems, order, strict=True)}


def _write(picture: Path, sound: Path, out: Path) -> None:
    waveform = read_clip(sound, sample_rate=SAMPLE_RATE, want="audio").waveform
    assert waveform is not None
    waveform = np.clip(waveform, -1, 1)  # decoded sound may exceed 1; players clip it too
    if not probe(picture).has_video:
        raise InputError.about(picture, found="no video", expected="a clip with video and sound")
    write_sound_under_video(picture, waveform, out, sample_rate=SAMPLE_RATE, alone=True)
    if probe(out).video.video_codec not in PLAYED_EVERYWHERE:
        intermediate = out.with_suffix(".webm")  # WebM does not accept the stream, so the writer encodes it again
        write_sound_under_video(picture, waveform, intermediate, sample_rate=SAMPLE_RATE, alone=True)
        write_sound_under_video(intermediate, waveform, out, sample_rate=SAMPLE_RATE, alone=True)
        intermediate.unlink()


def _write_check(medium: Medium, out: Path) -> None:
    """Write a still picture of text with two quiet tones."""
    assert medium.kind is not None and medium.asks_for is not None
    text = f"Attention check:\nplease answer\n{KEYS[medium.kind][medium.asks_for]}\nto every question"
    frame = _text_picture(text)
    time = np.arange(round(CHECK_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    note = np.where(time < CHECK_SECONDS / 2, 330.0, 440.0)
    waveform = 0.1 * np.sin(2 * np.pi * note * time) * np.sin(2 * np.pi * time / CHECK_SECONDS) ** 2
    frames = np.repeat(frame[None], round(CHECK_SECONDS * CHECK_FPS), 0)
    write_video(frames, out, fps=CHECK_FPS, waveform=waveform, sample_rate=SAMPLE_RATE)


def _text_picture(text: str) -> np.ndarray:
    """White text on a dark background, uint8 (h, w, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(CHECK_SIZE / 100, CHECK_SIZE / 100), dpi=100, facecolor="#222222")
    figure.text(0.5, 0.5, text, color="white", ha="center", va="center", fontsize=15, linespacing=1.5)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
