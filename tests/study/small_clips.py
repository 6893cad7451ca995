"""Clips of two systems and of a reference, small enough for tests; their names are looked for in what is published."""

from pathlib import Path

import av
import numpy as np

from cmmd.clips.writing import write_video

SYSTEMS = ("zebrafinch", "yakherd")
REFERENCE_FOLDER = "quietroom"
STEMS = ("kettle-1", "kettle-2", "window-3")


def write_clips(folder: Path, *, stems: tuple[str, ...] = STEMS, seed: int = 0) -> Path:
    """Clips of 0.4 s with their own noise and picture, whose metadata name their system."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for stem in stems:
        frames = rng.integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
        waveform = rng.uniform(-0.3, 0.3, 6400)
        write_video(frames, folder / "untitled.mp4", fps=10, waveform=waveform, sample_rate=16000)
        _write_titled(folder / "untitled.mp4", folder / f"{stem}.mp4", title=f"{stem} by {folder.name}")
        (folder / "untitled.mp4").unlink()
    return folder


def _write_titled(source: Path, out: Path, *, title: str) -> None:
    with av.open(source) as given, av.open(out, "w") as container:
        container.metadata.update({"title": title, "comment": title})
        streams = {stream.index: container.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                container.mux(packet)
