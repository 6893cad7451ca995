"""Measures the loss of the latent-spectrogram space: autoencoder PSNR, codecs' log-spectral distance and onset shift.

python benchmarks/latents.py [FOLDER of real clips]
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import read_clip
from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.errors import InputError
from cmmd.latents.spectrogram import ComplexSTFTCodec, LogMelCodec
from cmmd.latents.video_autoencoder import VideoAutoencoder, decode_frames, encode_frames
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.pipelines.loading import load_pipeline

SEED = 2_000_000
DECIBELS_PER_NEPER = 20 / math.log(10)


def psnr(autoencoder: VideoAutoencoder, frames: np.ndarray) -> np.ndarray:
    """Returns the PSNR of each frame after encoding and decoding, in dB."""
    tensor = torch.from_numpy(frames)
    error = (decode_frames(autoencoder, encode_frames(autoencoder, tensor)).float() - tensor.float()) / 255
    return (-10 * error.square().flatten(1).mean(1).clamp_min(1e-10).log10()).numpy()


def round_trip(codec: LogMelCodec | ComplexSTFTCodec, judge: LogMelCodec, waveform: np.ndarray) -> tuple[float, list]:
    """Encodes and decodes a waveform. Returns the log-spectral distance of the log-mels in dB, and the shifts in
    seconds of the decoded onsets that lie within 50 ms of an original one."""
    sound = torch.from_numpy(waveform)[None]
    back = codec.decode(codec.encode(sound), generator=torch.Generator().manual_seed(0))
    difference = (judge.encode(back) - judge.encode(sound)) * DECIBELS_PER_NEPER
    before, after = sound_onsets(waveform).times, sound_onsets(back[0]).times
    shifts = [time - before[np.abs(before - time).argmin()] for time in after] if len(before) else []
    distance = difference.square().mean(dim=2).sqrt().mean().item()
    return distance, [shift for shift in shifts if abs(shift) < 0.05]


def report(name: str, waveforms: list[np.ndarray], geometry: Geometry) -> None:
    judge = LogMelCodec(geometry)
    for codec in (judge, ComplexSTFTCodec(geometry)):
        measured = [round_trip(codec, judge, waveform) for waveform in waveforms]
        shifts = 1000 * np.array([shift for _, found in measured for shift in found])
        distance = np.mean([distance for distance, _ in measured])
        print(
            f"{name}, {type(codec).__name__}: log-spectral distance {distance:.2f} dB, onset shift median "
            f"{np.median(shifts):+.2f} ms, median absolute {np.median(np.abs(shifts)):.2f} ms ({len(shifts)} onsets)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    arguments = parser.parse_args()
    geometry = Geometry()
    autoencoder = load_pipeline(None, device="cpu").video_autoencoder
    for family in PLAIN_FAMILIES:
        clips = [world_clip(family, SEED + index) for index in range(50)]
        values = psnr(autoencoder, np.concatenate([clip.frames[::4] for clip in clips]))
        print(f"{family} frames: PSNR {values.mean():.2f} dB (lowest {values.min():.1f}, {len(values)} frames)")
        report(f"{family} sound", [clip.waveform for clip in clips], geometry)
    if arguments.folder is None:
        return
    values, waveforms = [], []
    for path in sorted(arguments.folder.iterdir()):
        try:
            clip = read_clip(path)
        except InputError:
            continue
        if clip.frames is not None:
            values.append(psnr(autoencoder, np.ascontiguousarray(clip.frames[::5])).mean())
        if clip.waveform is not None and len(clip.waveform) >= geometry.samples:
            waveforms.append(clip.waveform[: len(clip.waveform) // geometry.hop * geometry.hop])
    spread = f"{min(values):.1f} to {max(values):.1f}"
    print(f"real clips: PSNR {np.mean(values):.2f} dB, mean of {len(values)} clips ({spread})")
    report("real sound", waveforms, geometry)


if __name__ == "__main__":
    main()
