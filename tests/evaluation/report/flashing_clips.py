"""Media files for the made record: a square that flashes and a tone that begins at the events of a clip."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from made_record import made_record

from cmmd.clips.writing import write_video
from cmmd.evaluation.record.schema import Record

FPS, RATE, SIZE, FRAMES = 10, 16_000, 64, 16


def small_record(*, directions: int = 2) -> Record:
    """Impacts in one direction or both: three clips, two systems."""
    record = made_record()
    chosen = ([r for r in system.results if r.group == "impacts"][:directions] for system in record.systems)
    systems = (replace(s, results=tuple(results)) for s, results in zip(record.systems, chosen, strict=True))
    return replace(record, systems=tuple(systems))


def write_media(record: Record, folder: Path) -> None:
    """Every file that the clips of the record name, once."""
    for system in record.systems:
        for result in system.results:
            for clip in result.clips:
                for file, times in ((clip.generated, clip.found), (clip.reference, clip.true)):
                    if not (folder / file).exists():
                        write_clip(folder / file, times)


def write_clip(path: Path, times: tuple[float, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames, waveform = clip_of(times)
    write_video(frames, path, fps=FPS, waveform=waveform, sample_rate=RATE)


def clip_of(times: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Frames and sound of 1.6 s."""
    frames = np.full((FRAMES, SIZE, SIZE, 3), 60, np.uint8)
    waveform = np.zeros(FRAMES * RATE // FPS, np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 880 * np.arange(RATE // 10) / RATE) * np.geomspace(1, 0.01, RATE // 10)
    for time in times:
        frames[int(time * FPS), 20:40, 20:40] = 230
        start = round(time * RATE)
        waveform[start : start + len(tone)] += tone[: len(waveform) - start]
    return frames, waveform
