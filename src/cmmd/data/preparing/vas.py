"""VAS (arXiv 2007.10984), small fireworks set: the true sound is stored as a picture of its log-mel spectrogram.

Format: 22,050 Hz, 2048-point windows every 512 samples, 128 HTK mels of power, natural logarithm, mapped linearly to a
byte, lowest frequency in the top row.
"""

from functools import cache
from pathlib import Path

import numpy as np
import soxr
import torch
from av.error import FFmpegError
from torch import Tensor

from cmmd.clips.opening import open_media
from cmmd.data.preparing.annotation_table import read_annotation_table
from cmmd.data.preparing.request import ClipRequest, Listing
from cmmd.errors import InputError
from cmmd.latents.spectrogram import mel_filters
from cmmd.latents.waveform import GriffinLim

RATE, FFT_SIZE, HOP, MELS = 22_050, 2048, 512, 128
LOG_MEL_RANGE = (-33.219280, 18.757578)
"""Log-mel values of the bytes 0 and 255 (spec_range.txt of the set)."""
COLUMNS = ("clip", "source_video", "video", "real_logmel_png")


def list_vas(folder: Path) -> Listing:
    """Lists the clips of MANIFEST.csv. The group is the source video, the sound the picture of the true log-mel. Raises
    InputError when the table is missing, empty or invalid."""
    requests = [
        ClipRequest(
            file=folder / row["video"],
            name=row["clip"],
            group=row["source_video"],
            start=0.0,
            labels=(folder.name,),
            sound=folder / row["real_logmel_png"],
        )
        for _, row in read_annotation_table(folder / "MANIFEST.csv", COLUMNS)
    ]
    return Listing(folder, tuple(sorted(requests, key=lambda request: request.name)))


def read_log_mel(path: Path) -> Tensor:
    """Returns the natural logarithm of mel power, (mels, n), from its picture. Raises InputError when the picture
    cannot be read or has another number of rows."""
    try:
        with open_media(path) as container:
            picture = next(container.decode(video=0)).to_ndarray(format="gray")
    except (FFmpegError, StopIteration, InputError) as error:
        raise InputError.about(path, found="no picture that can be read", expected="a PNG of a log-mel") from error
    if picture.shape[0] != MELS:
        raise InputError.about(path, found=f"{picture.shape[0]} rows", expected=f"{MELS}, one a mel")
    low, high = LOG_MEL_RANGE
    return torch.from_numpy(picture.astype(np.float32)) / 255 * (high - low) + low


def sound_of_picture(path: Path, *, sample_rate: int) -> np.ndarray:
    """Inverts a log-mel picture to a waveform, float32 (s,), peak at most 1; Griffin-Lim estimates the phases. Raises
    InputError as `read_log_mel`."""
    power = read_log_mel(path).exp()
    filters, inverse = _filters()
    spectrum = (inverse @ power).clamp_min(1e-10)
    numerator = filters.T @ power
    for _ in range(30):  # non-negative least squares, as in LogMelCodec
        spectrum = spectrum * numerator / (filters.T @ (filters @ spectrum)).clamp_min(1e-12)
    sound = GriffinLim(fft_size=FFT_SIZE, window=FFT_SIZE, hop=HOP)(spectrum.sqrt()[None])[0].numpy()
    sound = soxr.resample(sound, RATE, sample_rate, quality="HQ")
    return (sound / max(1.0, float(np.abs(sound).max()))).astype(np.float32)


@cache
def _filters() -> tuple[Tensor, Tensor]:
    """Returns triangular filters of height one from 0 Hz, (mels, bins), and their pseudo-inverse."""
    filters = mel_filters(MELS, FFT_SIZE, RATE, lowest=0.0, normalised=False)
    return filters, torch.linalg.pinv(filters)
