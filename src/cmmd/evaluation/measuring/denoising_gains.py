"""Denoising alignment of clips read from files (ours)."""

from collections.abc import Sequence

import torch

from cmmd.evaluation.measuring.paired_measures import FeaturePair
from cmmd.evaluation.record.schema import Direction
from cmmd.measures.denoising_alignment import denoising_alignment
from cmmd.pipeline import CMMDPipeline

BATCH = 25
"""Maximum number of clips a batch; conditions are exchanged within a batch. Batches have nearly equal sizes."""


def denoising_gains(pipeline: CMMDPipeline, pairs: Sequence[FeaturePair], direction: Direction) -> list[float]:
    """Denoising alignment of each pair: the generated modality of one clip with the condition of its reference.

    Uses only the first model window of each clip. nan for clips shorter than a window or without the modality, and for
    all clips if fewer than two are long enough.
    """
    frames = pipeline.geometry.frames
    samples = pipeline.geometry.samples_of(frames)
    gains = [float("nan")] * len(pairs)
    usable, targets, conditions = [], [], []
    for index, (made, true) in enumerate(pairs):
        sound, picture = (made, true) if direction == "video_to_audio" else (true, made)
        if sound.given is None or picture.frames is None:
            continue
        if len(sound.given) < samples or len(picture.frames) < frames:
            continue
        audio = pipeline.encode_audio(sound.given[:samples])
        video = pipeline.encode_video(picture.frames[:frames])
        usable.append(index)
        # A generated video has the channels of a picture, without those of events.
        targets.append(audio if direction == "video_to_audio" else video[:, : pipeline.unet.config["latent_channels"]])
        conditions.append(video if direction == "video_to_audio" else audio)
    if len(usable) < 2:
        return gains
    count = -(-len(usable) // BATCH)
    for chosen in torch.arange(len(usable)).tensor_split(count):
        values = denoising_alignment(
            pipeline.unet,
            torch.cat([targets[i] for i in chosen]),
            torch.cat([conditions[i] for i in chosen]),
            modality="audio" if direction == "video_to_audio" else "video",
            prediction_type=pipeline.scheduler.config["prediction_type"],
        )
        for index, value in zip(chosen.tolist(), values.tolist(), strict=True):
            gains[usable[index]] = value
    return gains
