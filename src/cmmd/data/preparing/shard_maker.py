"""Makes one shard of `cmmd prepare`, from a list of requested files to a tensor file and its manifest (ours).

Decoding runs in worker processes, which may crash without harm. Encoding runs in this process, by default on one
thread, so that the bytes of a clip do not depend on the process that encodes it.
"""

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cmmd.data.preparing.cutting import Cut, CutJob, CutSettings, RawClip, cut
from cmmd.data.preparing.prepare_config import PrepareConfig
from cmmd.data.preparing.request import ClipRequest
from cmmd.data.shards import ClipRecord, EncodedClip, write_shard
from cmmd.errors import InputError
from cmmd.latents.spectrogram import SpectrogramCodec, spectrogram_codec
from cmmd.latents.video_autoencoder import (
    VideoAutoencoder,
    absolute_name,
    encode_frames,
    load_autoencoder,
    weights_hash,
)
from cmmd.runtime.device import existing_device
from cmmd.runtime.worker_processes import Failure, Workers


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard to make. sources: the names of the requests' files that its manifest gives. key: hash of everything that
    the shard depends on."""

    number: int
    requests: tuple[ClipRequest, ...]
    sources: tuple[str, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes pixels to latents and sound to a spectrogram. settings: everything that the results depend on."""

    config: PrepareConfig
    autoencoder: VideoAutoencoder
    codec: SpectrogramCodec
    settings: dict[str, Any]

    @classmethod
    def load(cls, config: PrepareConfig, device: str) -> "Encoder":
        chosen = existing_device(device)
        autoencoder = load_autoencoder(config.autoencoder).eval()
        nn.Module.to(autoencoder, chosen)
        codec = spectrogram_codec(config.codec, config.geometry)
        named = {"autoencoder": absolute_name(config.autoencoder), "autoencoder_sha256": weights_hash(autoencoder)}
        return cls(config, autoencoder, codec, asdict(config) | named)

    def __call__(self, raw: RawClip, request: ClipRequest, *, source: str) -> EncodedClip:
        assert request.split is not None
        record = ClipRecord(
            name=raw.name,
            source=source,
            start=raw.start,
            frames=len(raw.frames),
            labels=request.labels,
            split=request.split,
            group=request.group,
            digest=raw.digest,
            notes=raw.notes,
        )
        spectrogram = self.codec.encode(torch.from_numpy(raw.waveform)[None])[0].half()
        mirrored = self._latents(raw.frames[:, :, ::-1]) if self.config.mirror else None
        return EncodedClip(record, self._latents(raw.frames), spectrogram, mirrored)

    def _latents(self, frames: np.ndarray) -> torch.Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(frames))
        return encode_frames(self.autoencoder, pixels).half().cpu()


@dataclass(frozen=True, slots=True)
class RemoteShards:
    """Pickled to Ray workers. out: on a file system that all nodes share. workers: processes that decode."""

    out: Path
    config: PrepareConfig
    device: str
    workers: int
    autoencoder_sha256: str

    def __call__(self) -> Callable[[Shard], int]:
        """Loads the autoencoder and returns the function that makes a shard. Raises InputError if this node has
        another autoencoder under the name."""
        encoder = Encoder.load(self.config, self.device)
        if encoder.settings["autoencoder_sha256"] != self.autoencoder_sha256:
            subject = f"autoencoder {self.config.autoencoder} on node {platform.node()}"
            raise InputError.about(subject, found="other weights", expected="those of the node of the command")
        cutters = Workers(cut, count=self.workers)
        return lambda shard: make_shard(self.out, shard, encoder, cutters)


def make_shard(
    out: Path,
    shard: Shard,
    encoder: Encoder,
    cutters: Workers[CutJob, Cut],
    *,
    on_file: Callable[[], object] = lambda: None,
) -> int:
    """Cuts, encodes and writes a shard; returns the number of its clips. on_file: called after each file.

    Later blocks of a file are cut after the first blocks of all files. The bytes depend on the shard and the encoder
    only; files are written under temporary names. Raises InputError if they cannot be written.
    """
    clips: list[tuple[int, EncodedClip]] = []
    skipped: list[tuple[str, str]] = []
    for index, found in _cuts(shard.requests, encoder.config.cutting, cutters, on_file):
        request = shard.requests[index]
        if isinstance(found, Failure):
            # The entry has the name already, and a manifest must not name folders of this machine.
            skipped.append((request.name, found.reason.removeprefix(f"{request.file}: ")))
            continue
        skipped += found.skipped
        clips += [(index, encoder(raw, request, source=shard.sources[index])) for raw in found.clips]
    clips.sort(key=lambda clip: (clip[0], clip[1].record.start))
    write_shard(out, shard.number, [clip for _, clip in clips], sorted(skipped), key=shard.key)
    return len(clips)


def _cuts(
    requests: Sequence[ClipRequest], settings: CutSettings, cutters: Workers[CutJob, Cut], on_file: Callable[[], object]
) -> Iterator[tuple[int, Cut | Failure]]:
    """Yields the index of a request and the result of one of its blocks."""
    todo = [(index, 0) for index in range(len(requests))]
    while todo:
        following = []
        jobs = (CutJob(requests[index], block, settings) for index, block in todo)
        for (index, block), found in zip(todo, cutters.map(jobs), strict=True):
            if isinstance(found, Cut) and found.goes_on:
                following.append((index, block + 1))
            else:
                on_file()
            yield index, found
        todo = following


@contextmanager
def encoding_on(threads: int) -> Iterator[None]:
    """Sets the number of torch threads. One thread sums in the same order on every machine, and leaves the other cores
    to the decoders."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
