"""Autoencoders beside each other: PSNR on real frames, on frames of the world and on pictures, and time to decode.

    python benchmarks/autoencoders.py FOLDER_OF_CLIPS shipped OTHER...

An autoencoder is `shipped` or a folder. One frame in five of a real clip counts, and the mean is over the clips.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from latents import SEED, psnr

from cmmd.clips.reading import read_clip
from cmmd.data.pictures.picture import pictures
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table
from cmmd.errors import InputError
from cmmd.latents.video_autoencoder import (
    VideoAutoencoder,
    decode_frames,
    encode_frames,
    latent_channels,
    load_autoencoder,
)

SIZES = (64, 128)
WORLD_CLIPS = 40
PICTURES = 200
FIRST_PICTURE = 10_000_000
"""Far from those that are trained on."""


def real_frames(folder: Path, size: int) -> list[np.ndarray]:
    """One frame in five of every clip that has a picture."""
    found = []
    for path in sorted(folder.iterdir()):
        try:
            clip = read_clip(path, want="video", image_size=size)
        except InputError:
            continue
        if clip.frames is not None:
            found.append(np.ascontiguousarray(clip.frames[::5]))
    return found


def decoding_time(autoencoder: VideoAutoencoder) -> float:
    """Milliseconds for 16 frames of 64 px, the fastest of ten times."""
    latents = encode_frames(autoencoder, torch.from_numpy(pictures(range(16))))
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        decode_frames(autoencoder, latents)
        taken.append(time.perf_counter() - started)
    return 1000 * min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("autoencoders", nargs="+")
    arguments = parser.parse_args()
    sets = {f"real, {size} px": real_frames(arguments.clips, size) for size in SIZES}
    for family in FAMILIES:
        sets[family] = [world_clip(family, SEED + index).frames[::4] for index in range(WORLD_CLIPS)]
    sets["pictures"] = [pictures(range(FIRST_PICTURE, FIRST_PICTURE + PICTURES))]
    rows = []
    for name in arguments.autoencoders:
        autoencoder = load_autoencoder(name).eval()
        parameters = sum(parameter.numel() for parameter in autoencoder.parameters())
        cells = [f"{np.mean([psnr(autoencoder, frames).mean() for frames in of]):.2f}" for of in sets.values()]
        size = f"{latent_channels(autoencoder)}, {parameters / 1e6:.2f} M"
        rows.append((name, size, *cells, f"{decoding_time(autoencoder):.0f} ms"))
    print(markdown_table(rows, head=("", "latent channels, parameters", *sets, "16 frames decoded")))


if __name__ == "__main__":
    main()
