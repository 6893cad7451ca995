"""Compares statistics of procedural pictures, of the world's frames, and of real frames.

    python benchmarks/picture_statistics.py CLIP...

Nothing is learnt from the real clips except the principal components of one row of the second table.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from cmmd.clips.reading import read_clip
from cmmd.data.pictures.picture import pictures
from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table

PATCH = 8


def luminance(frames: np.ndarray) -> np.ndarray:
    """Returns the luminance (f, h, w) in [0, 1] of uint8 frames (f, h, w, 3)."""
    return frames @ np.array([0.299, 0.587, 0.114]) / 255


def spectrum_slope(frames: np.ndarray) -> np.ndarray:
    """Returns the exponent of the amplitude spectrum over frequency of each frame, without frames that lack energy in a
    band. Natural pictures have -1 on average."""
    light = luminance(frames)
    size = light.shape[1]
    window = np.hanning(size + 2)[1:-1]
    light = (light - light.mean((1, 2), keepdims=True)) * window * window[:, None]
    amplitude = np.abs(np.fft.rfft2(light))
    radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    edges = np.geomspace(2, size * 0.45, 9)
    rings = [(radius >= low) & (radius < high) for low, high in pairwise(edges.tolist())]
    levels = np.stack([amplitude[:, ring].mean(1) for ring in rings], axis=1)
    centres = np.log(np.sqrt(edges[:-1] * edges[1:]))
    usable = levels.min(1) > 1e-6
    logs = np.log(levels[usable])
    centred = centres - centres.mean()
    return (logs - logs.mean(1, keepdims=True)) @ centred / (centred @ centred)


def statistics(frames: np.ndarray) -> list[str]:
    """Returns a row of the table: means over frames and, after a slash where informative, standard deviations between
    frames."""
    light = luminance(frames)
    steps = np.diff(light, axis=2)
    slopes = spectrum_slope(frames)
    colours = frames.astype(np.float64) / 255
    high, low = colours.max(-1), colours.min(-1)
    saturation = (high - low) / np.maximum(high, 1e-6)
    chroma = (colours - light[..., None]).std((1, 2)).mean(-1)
    kurtosis = (steps**4).mean() / (steps**2).mean() ** 2
    within = light.std((1, 2))
    warm = (colours[..., 0] - colours[..., 2]).mean((1, 2))
    return [
        f"{slopes.mean():.2f} / {slopes.std():.2f}",
        f"{kurtosis:.1f}",
        f"{1000 * np.abs(steps).mean():.1f}",
        f"{light.mean():.2f} / {light.mean((1, 2)).std():.2f}",
        f"{within.mean():.2f} / {within.std():.2f}",
        f"{saturation.mean():.2f} / {saturation.mean((1, 2)).std():.2f}",
        f"{np.median(chroma / np.maximum(within, 0.02)):.2f}",
        f"{warm.mean():+.2f} / {warm.std():.2f}",
    ]


HEAD = ["", "slope", "kurtosis", "step x 1000", "light", "contrast", "saturation", "chroma : light", "red - blue"]


def patches(frames: np.ndarray) -> np.ndarray:
    """Returns all 8 x 8 patches of the frames, (count, 192) in [0, 1]."""
    f, size, _, c = frames.shape
    blocks = frames.reshape(f, size // PATCH, PATCH, size // PATCH, PATCH, c).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(-1, PATCH * PATCH * c).astype(np.float64) / 255


def components(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean (192,) and the principal components (192, 192), strongest first."""
    centre = rows.mean(0)
    _, vectors = np.linalg.eigh(np.cov((rows - centre).T))
    return centre, vectors[:, ::-1]


def reconstruction(rows: np.ndarray, centre: np.ndarray, vectors: np.ndarray, count: int) -> float:
    """Returns the PSNR in dB of patches that are reconstructed from their first `count` components."""
    kept = vectors[:, :count]
    error = (rows - centre) - (rows - centre) @ kept @ kept.T
    return float(-10 * np.log10((error**2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--count", type=int, default=600)
    arguments = parser.parse_args()
    size, count = arguments.size, arguments.count
    each = max(1, count // len(arguments.clips))
    found = []
    for path in arguments.clips:
        frames = read_clip(path, want="video", fps=5, image_size=size).frames
        assert frames is not None
        found.append(frames[np.linspace(0, len(frames) - 1, min(each, len(frames))).astype(int)])
    sources = {"real": np.concatenate(found), "pictures": pictures(range(count), size=size)}
    for family in ("hits", "impacts", "dance"):
        if size != 64 and family != "hits":
            continue
        clips = [world_clip(family, seed, frames=16, image_size=size) for seed in range(count // 4)]
        sources[family] = np.concatenate([clip.frames[2::4] for clip in clips])
    print(markdown_table([[name, *statistics(frames)] for name, frames in sources.items()], head=HEAD))
    rows = {name: patches(frames) for name, frames in sources.items()}
    learnt = {name: components(part) for name, part in rows.items()}
    table = [
        [f"components of {name}", *(f"{reconstruction(rows['real'], *known, number):.1f}" for number in (4, 8, 16))]
        for name, known in learnt.items()
    ]
    print(markdown_table(table, head=["PSNR of real 8 x 8 patches (dB)", "4", "8", "16"]))


if __name__ == "__main__":
    main()
