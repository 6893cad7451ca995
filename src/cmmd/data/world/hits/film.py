"""Post-processing of frames: flicker, bars, writing, reduced resolution, compression (ours)."""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

from cmmd.data.world.hits.sprites import UNITS


def flicker(rng: np.random.Generator, frames: np.ndarray, fps: float) -> np.ndarray:
    """Applies lamp flicker and a jump of exposure, each in some clips, to float32 (f, h, w, 3)."""
    t = np.arange(len(frames)) / fps
    light = np.ones(len(frames))
    if rng.random() < 0.25:
        light += rng.uniform(0, 0.08) * np.sin(2 * np.pi * (rng.uniform(0.2, 9) * t + rng.uniform()))
    if rng.random() < 0.05:
        light *= np.where(t > rng.uniform(0, t[-1] + 0.1), rng.uniform(0.75, 1.3), 1.0)
    return frames * light.astype(np.float32)[:, None, None, None]


def lay_over(rng: np.random.Generator, frames: np.ndarray) -> np.ndarray:
    """Draws black bars and a line of writing (a caption or a watermark), each in some clips, on uint8 (f, h, w, 3) in
    place."""
    size = frames.shape[1]
    unit = size / UNITS
    if rng.random() < 0.03:
        bar = int(rng.uniform(4, 12) * unit)
        if rng.random() < 0.7:
            frames[:, :bar] = frames[:, size - bar :] = 0
        else:
            frames[:, :, :bar] = frames[:, :, size - bar :] = 0
    if rng.random() < 0.04:
        letters = np.zeros((UNITS, UNITS), np.uint8)
        top, left = int(rng.choice([3, 55])), int(rng.integers(2, 40))
        length = int(rng.integers(6, 24))
        letters[top : top + 3, left : left + length] = 255 * (
            rng.random((3, len(letters[0, left : left + length]))) < 0.6
        )
        mask = np.asarray(Image.fromarray(letters).resize((size, size), Image.Resampling.BILINEAR)) / np.float32(255)
        colour = rng.choice([0.0, 255.0, 255.0])
        frames[:] = frames + (0.8 * mask[..., None]) * (colour - frames)
    return frames


def enlarged(rng: np.random.Generator, frames: np.ndarray) -> np.ndarray:
    """Reduces uint8 (f, h, w, 3) to 0.5 to 0.95 of its side and enlarges it again."""
    size = frames.shape[1]
    small = max(8, int(size * rng.uniform(0.5, 0.95)))
    how = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST)[
        int(rng.choice(3, p=[0.5, 0.45, 0.05]))
    ]
    return np.stack(
        [
            np.asarray(Image.fromarray(frame).resize((small, small), Image.Resampling.BOX).resize((size, size), how))
            for frame in frames
        ]
    )


def compressed(frames: np.ndarray, *, quality: int, fps: int) -> np.ndarray:
    """Encodes uint8 (f, h, w, 3) as H.264 at the constant rate factor `quality`, as recordings are, and decodes it."""
    size = frames.shape[1]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width = encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fps)
    encoder.thread_count = 1
    encoder.options = {"crf": str(quality), "preset": "veryfast", "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = []
    for index, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture.pts = index
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    pictures = [picture for packet in packets for picture in decoder.decode(packet)] + decoder.decode(None)
    assert len(pictures) == len(frames)
    return np.stack([picture.to_ndarray(format="rgb24") for picture in pictures])
