"""Clips whose every value says which clip, channel and moment it is of, in memory and in shards."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.preparing.request import Split
from cmmd.data.shards import ClipRecord, EncodedClip, write_index, write_shard
from cmmd.data.statistics import Statistics

CHANNELS, BINS, SIDE = 2, 3, 2
STATISTICS = {
    "video": Statistics(mean=(10.0, 60.0), std=(4.0, 25.0)),
    "audio": Statistics(mean=(70.0,), std=(8.0,)),
}
SETTINGS = {"autoencoder": "shipped", "autoencoder_sha256": "", "codec": "log_mel", "mirror": True, "geometry": {}}


def timed_video(clip: int, frames: int) -> Tensor:
    """(c, f, h, w), half precision: 100 a clip, 1 a frame, a quarter a channel."""
    channel = torch.arange(CHANNELS).view(-1, 1, 1, 1) / 4
    time = torch.arange(frames).view(1, -1, 1, 1)
    return (100 * clip + time + channel).expand(CHANNELS, frames, SIDE, SIDE).half()


def timed_audio(clip: int, frames: int) -> Tensor:
    """(1, m, 8 f), half precision: 400 a clip, 1 a spectrogram frame."""
    return (400 * clip + torch.arange(8 * frames)).expand(1, BINS, 8 * frames).half()


def in_memory(*, clips: int = 3, frames: int = 12) -> EncodedClips:
    """Clips of one length."""
    video, audio = (torch.stack([timed(clip, frames) for clip in range(clips)]) for timed in (timed_video, timed_audio))
    return EncodedClips(
        video=video, audio=audio, video_statistics=STATISTICS["video"], audio_statistics=STATISTICS["audio"]
    )


def in_shards(folder: Path, frames: tuple[int, ...] = (12, 9, 20), *, split: Split = "train") -> Path:
    """Clips of these lengths, two a shard, with mirrored twins: the video with its sign changed."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, length in enumerate(frames):
        facts: dict[str, Any] = {"name": f"{number}", "source": f"{number}", "group": f"{number}", "digest": "d"}
        record = ClipRecord(start=0.0, frames=length, labels=(), split=split, **facts)
        video = timed_video(number, length)
        clips.append(EncodedClip(record, video, timed_audio(number, length), mirrored=-video))
    shards = [clips[first : first + 2] for first in range(0, len(clips), 2)]
    for number, shard in enumerate(shards):
        write_shard(folder, number, shard, [], key="k")
    write_index(folder, shards=len(shards), settings=SETTINGS, skipped=[])
    return folder


def standard(statistics: Statistics, x: Tensor) -> Tensor:
    """Standardised, channel by channel, in float32."""
    channels = zip(x.double(), statistics.mean, statistics.std, strict=True)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels]).float()
