"""Compares loudness errors: a gain and a limiter, and FFmpeg's normaliser in one and two passes (ours).

    python benchmarks/loudness.py [FILE...]

The sounds are true sounds of the world (1.6 s) and the sounds of files. Errors are in LU by FFmpeg's meter, the largest
over the sounds of a row.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path

import av.logging
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.filter import Graph

from cmmd.clips.loudness import measure_loudness, to_loudness
from cmmd.clips.reading import read_clip
from cmmd.data.world.families import world_clip

RATE = 48_000
TARGETS = (-23, -16, -14)


def loudnorm(waveform: np.ndarray, settings: str) -> np.ndarray:
    """Returns a waveform (s,) filtered by FFmpeg's loudnorm."""
    graph = Graph()
    nodes = [graph.add_abuffer(sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE))]
    nodes += [graph.add("loudnorm", settings), graph.add("aresample", str(RATE)), graph.add("aformat", "flt")]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None], np.float32), format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    graph.push(frame)
    graph.push(None)
    parts: list[np.ndarray] = []
    while True:
        try:
            pulled = graph.pull()
        except (BlockingIOError, EOFError):
            return np.concatenate(parts)
        assert isinstance(pulled, AudioFrame)
        parts.append(pulled.to_ndarray()[0])


def one_pass(waveform: np.ndarray, target: float) -> np.ndarray:
    return loudnorm(waveform, f"I={target}:TP=-1:LRA=11")


def two_passes(waveform: np.ndarray, target: float) -> np.ndarray:
    settings = f"I={target}:TP=-1:LRA=11"
    av.logging.set_level(av.logging.INFO)
    with av.logging.Capture() as told:
        loudnorm(waveform, f"{settings}:print_format=json")
    av.logging.set_level(None)
    text = "".join(words for _, _, words in told)
    found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    settings += "".join(f":measured_{name}={found['input_' + name.lower()]}" for name in ("I", "TP", "LRA", "thresh"))
    return loudnorm(waveform, f"{settings}:offset={found['target_offset']}:linear=true")


def ours(waveform: np.ndarray, target: float) -> np.ndarray:
    return to_loudness(waveform, RATE, target).waveform


def row(name: str, sounds: list[np.ndarray]) -> None:
    for title, make in (("gain and limiter", ours), ("loudnorm, one pass", one_pass), ("two passes", two_passes)):
        errors = []
        for target in TARGETS:
            found = [measure_loudness(make(sound, target), RATE).lufs for sound in sounds]
            errors.append(max(abs((target - 60 if lufs is None else lufs) - target) for lufs in found))
        shown = [f"{target} LUFS: {error:5.2f}" for target, error in zip(TARGETS, errors, strict=True)]
        print(f"{name:<24} {title:<20}", *shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    for family in ("impacts", "dance"):
        row(f"10 of {family}", [soxr.resample(world_clip(family, seed).waveform, 16_000, RATE) for seed in range(10)])
    heard = [read_clip(path, sample_rate=RATE, want="audio").waveform for path in files]
    if heard:
        row(f"{len(heard)} files", [sound for sound in heard if sound is not None])


if __name__ == "__main__":
    main()
