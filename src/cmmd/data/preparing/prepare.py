"""`cmmd prepare`: encodes requested clips into shards, which several processes may share among themselves (ours).

Decoding runs in worker processes, which may crash without harm. Encoding runs in the main process, by default on one
thread, so that the bytes of a clip do not depend on the process that encodes it. Complete shards are not encoded again.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from cmmd.clips.geometry import Geometry
from cmmd.clips.picture_fit import Fit
from cmmd.data.preparing.cutting import Cut, CutJob, CutSettings, RawClip, cut
from cmmd.data.preparing.request import ClipRequest, Listing
from cmmd.data.shards import (
    INDEX,
    ClipRecord,
    EncodedClip,
    ShardManifest,
    read_index,
    read_manifest,
    shard_file,
    write_index,
    write_shard,
)
from cmmd.device import existing_device
from cmmd.errors import InputError
from cmmd.folder_lock import LOCK, locked, locked_folder
from cmmd.latents.spectrogram import CodecName, SpectrogramCodec, spectrogram_codec
from cmmd.latents.video_autoencoder import (
    VideoAutoencoder,
    absolute_name,
    encode_frames,
    load_autoencoder,
    weights_hash,
)
from cmmd.processors import processors
from cmmd.progress import progress
from cmmd.unfinished_file import sweep
from cmmd.worker_processes import Failure, Workers

MOST_BYTES = 4 * 10**9
"""Maximum size of the pixels of one clip, which a worker holds in memory as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareConfig:
    """seconds: length of a clip. geometry: rates and sizes; its `frames` is the minimum length of a clip. autoencoder:
    a folder or hub name. mirror: also encode every video mirrored. requests_per_shard: number of files, or stretches of
    files, whose clips share a shard. Raises ValueError when `seconds` is below the minimum length, a clip has more than
    `MOST_BYTES` of pixels, or requests_per_shard is below 1.
    """

    autoencoder: str
    seconds: float = 4.8
    geometry: Geometry = field(default_factory=Geometry)
    codec: CodecName = "log_mel"
    fit: Fit = "crop"
    mirror: bool = False
    requests_per_shard: int = 64

    def __post_init__(self) -> None:
        if round(self.seconds * self.geometry.fps) < self.geometry.frames:
            raise ValueError(f"clips of {self.seconds:g} s, expected at least {self.geometry.seconds:g} s")
        size = self.cutting.clip_bytes
        if size > MOST_BYTES:
            raise ValueError(
                f"clips of {self.seconds:g} s at {self.geometry.fps} fps and {self.geometry.image_size} px are "
                f"{size / 1e9:.1f} GB of pixels, expected {MOST_BYTES / 1e9:g} at most"
            )
        if self.requests_per_shard < 1:
            raise ValueError(f"requests_per_shard is {self.requests_per_shard}, expected at least 1")

    @property
    def cutting(self) -> CutSettings:
        """Settings of the workers."""
        return CutSettings(
            fps=self.geometry.fps,
            frames=round(self.seconds * self.geometry.fps),
            fewest=self.geometry.frames,
            image_size=self.geometry.image_size,
            sample_rate=self.geometry.sample_rate,
            fit=self.fit,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """Result of one process. made, found: number of shards encoded, and of shards that were complete before. clips: in
    the encoded shards. seconds: wall time. missing: shards of other processes that are not complete yet; a process that
    finds none missing writes the index."""

    made: int
    found: int
    clips: int
    workers: int
    seconds: float
    missing: tuple[int, ...]


def prepare(
    listing: Listing,
    out: Path,
    config: PrepareConfig,
    *,
    part: int = 0,
    parts: int = 1,
    workers: int | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> Prepared:
    """Writes the shards `part`, `part + parts`, ... of a listing to folder `out`, and the index once all are complete.

    threads: CPU threads for encoding; their number changes the order of sums and so may change the last bits of the
    latents. Raises InputError when the autoencoder cannot be loaded, `out` is finished with other settings, there is no
    training clip, or another process works on the same `part` or with another number of `parts`.
    """
    with _alone(out, part, parts), _encoding_on(threads):
        return _prepare(listing, out, config, part=part, parts=parts, workers=workers, device=device)


@contextmanager
def _alone(out: Path, part: int, parts: int) -> Iterator[None]:
    """Locks a part. Processes with equal `parts` and different `part` share no shard and may run at once.

    Raises InputError when another process holds the same part, or works with another number of parts.
    """
    with locked_folder(out, f"{LOCK}-{part}-of-{parts}"):
        for other in out.glob(f"{LOCK}-*-of-*"):
            if not other.name.endswith(f"-of-{parts}"):
                with locked(other):  # raises if its process runs; removes the lock file of a killed one
                    pass
        yield


def _prepare(
    listing: Listing, out: Path, config: PrepareConfig, *, part: int, parts: int, workers: int | None, device: str
) -> Prepared:
    encoder = _Encoder.load(config, device)
    _require_same_settings(out, encoder.settings)
    size = config.requests_per_shard
    shards = [listing.requests[start : start + size] for start in range(0, len(listing.requests), size)]
    keys = [_key(encoder.settings, listing, requests) for requests in shards]
    own = range(part, len(shards), parts)
    todo = [number for number in own if not _complete(out, number, keys[number])]
    sweep(out, *(f"{shard_file(out, number).stem}.*" for number in own))
    started, clips, count = time.perf_counter(), 0, workers or processors()
    bar = progress(sum(len(shards[number]) for number in todo), "preparing", unit="file")
    with Workers(cut, count=count) as cutters:
        for number in todo:
            manifest = _make_shard(out, number, shards[number], listing, encoder, cutters, key=keys[number], bar=bar)
            clips += len(manifest.clips)
            bar.set_postfix(clips=clips, clips_per_second=f"{clips / (time.perf_counter() - started):.2f}")
    bar.close()
    missing = tuple(number for number, key in enumerate(keys) if not _complete(out, number, key))
    if not missing:
        with locked(out / f"{LOCK}-index", wait=True):  # two processes may finish at the same time
            sweep(out, INDEX)
            write_index(out, shards=len(shards), settings=encoder.settings, skipped=listing.skipped)
    return Prepared(
        made=len(todo),
        found=len(own) - len(todo),
        clips=clips,
        workers=count,
        seconds=time.perf_counter() - started,
        missing=missing,
    )


def _require_same_settings(out: Path, settings: dict[str, Any]) -> None:
    """Raises InputError when `out` is finished with other settings: a forgotten option must not overwrite hours of
    work."""
    if not (out / INDEX).exists():
        return
    found = read_index(out).settings
    wanted = json.loads(json.dumps(settings))
    different = [name for name in wanted if name != "autoencoder" and found.get(name) != wanted[name]]
    if different:
        told = "; ".join(f"{name} {found.get(name)}, not {wanted[name]}" for name in different)
        raise InputError.about(out, found=f"clips prepared with {told}", expected="the same settings or another folder")


def _make_shard(
    out: Path,
    number: int,
    requests: Sequence[ClipRequest],
    listing: Listing,
    encoder: "_Encoder",
    cutters: Workers[CutJob, Cut],
    *,
    key: str,
    bar: tqdm,
) -> ShardManifest:
    """Cuts, encodes and writes a shard. Later blocks of a file are cut after the first blocks of all files."""
    clips: list[tuple[int, EncodedClip]] = []
    skipped: list[tuple[str, str]] = []
    for place, found in _cuts(requests, encoder.config.cutting, cutters, bar):
        request = requests[place]
        if isinstance(found, Failure):
            # The entry has the name already, and a manifest must not name folders of this machine.
            skipped.append((request.name, found.reason.removeprefix(f"{request.file}: ")))
            continue
        skipped += found.skipped
        clips += [(place, encoder(raw, request, source=listing.source(request))) for raw in found.clips]
    clips.sort(key=lambda clip: (clip[0], clip[1].record.start))
    return write_shard(out, number, [clip for _, clip in clips], sorted(skipped), key=key)


def _cuts(
    requests: Sequence[ClipRequest], settings: CutSettings, cutters: Workers[CutJob, Cut], bar: tqdm
) -> Iterator[tuple[int, Cut | Failure]]:
    """Yields the index of a request and the result of one of its blocks."""
    todo = [(place, 0) for place in range(len(requests))]
    while todo:
        following = []
        jobs = (CutJob(requests[place], block, settings) for place, block in todo)
        for (place, block), found in zip(todo, cutters.map(jobs), strict=True):
            if isinstance(found, Cut) and found.goes_on:
                following.append((place, block + 1))
            else:
                bar.update()
            yield place, found
        todo = following


@dataclass(frozen=True, slots=True)
class _Encoder:
    """Encodes pixels to latents and sound to a spectrogram. settings: everything that the results depend on."""

    config: PrepareConfig
    autoencoder: VideoAutoencoder
    codec: SpectrogramCodec
    settings: dict[str, Any]

    @classmethod
    def load(cls, config: PrepareConfig, device: str) -> "_Encoder":
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


def _key(settings: dict[str, Any], listing: Listing, requests: Sequence[ClipRequest]) -> str:
    """Returns a hash of everything that a shard depends on: settings, requests, and file sizes, by which changed files
    are detected."""

    def told(request: ClipRequest) -> dict[str, Any]:
        files = (request.file,) if request.sound is None else (request.file, request.sound)
        sizes = [_size(file) for file in files]
        return asdict(request) | {"file": listing.source(request), "sound": request.sound is not None, "sizes": sizes}

    # The autoencoder is identified by the hash of its weights: its name may be a folder of this machine.
    settings = {name: value for name, value in settings.items() if name != "autoencoder"}
    content = json.dumps([settings, [told(request) for request in requests]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _size(file: Path) -> int | None:
    """Returns the size in bytes, or None when the file cannot be accessed."""
    try:
        return file.stat().st_size
    except (OSError, ValueError):  # ValueError: the name is invalid for any file
        return None


def _complete(out: Path, number: int, key: str) -> bool:
    """Whether the shard is complete and has this key. A damaged manifest counts as incomplete."""
    try:
        manifest = read_manifest(out, number)
    except InputError:
        return False
    return manifest is not None and manifest.key == key and manifest.size == _size(shard_file(out, number))


@contextmanager
def _encoding_on(threads: int) -> Iterator[None]:
    """Sets the number of torch threads. One thread sums in the same order on every machine, and leaves the other cores
    to the decoders."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
