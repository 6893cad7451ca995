"""`cmmd prepare`: encodes requested clips into shards, which several processes may share among themselves (ours).

Complete shards are not encoded again. `shard_maker.py` makes a shard; a shard is the unit of work of all engines.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cmmd.data.preparing.cutting import cut
from cmmd.data.preparing.prepare_config import PrepareConfig
from cmmd.data.preparing.request import ClipRequest, Listing
from cmmd.data.preparing.shard_maker import Encoder, RemoteShards, Shard, encoding_on, make_shard
from cmmd.data.shards import INDEX, read_index, read_manifest, shard_file, write_index
from cmmd.engines.placement import Engine, Placement
from cmmd.engines.units import run_units
from cmmd.errors import InputError
from cmmd.files.folder_lock import LOCK, locked, locked_folder
from cmmd.files.unfinished_file import sweep
from cmmd.runtime.processors import processors
from cmmd.runtime.progress import progress
from cmmd.runtime.worker_processes import Failure, Workers


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """Result of one process. encoded, found: shards encoded, and shards that were complete before. clips: in
    the encoded shards. workers: processes that decode, with `ray` per Ray worker. seconds: wall time. missing: shards
    of other processes that are not complete yet; a process that finds none missing writes the index."""

    encoded: int
    found: int
    clips: int
    workers: int
    seconds: float
    missing: tuple[int, ...]
    engine: Engine = "local"


def prepare(
    listing: Listing,
    out: Path,
    config: PrepareConfig,
    *,
    job_index: int = 0,
    job_count: int = 1,
    workers: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    engine: Engine = "local",
) -> Prepared:
    """Writes every `job_count`-th shard of a listing, from `job_index` on, to folder `out`, and the index once all are
    complete.

    threads: CPU threads for encoding; their number changes the order of sums and so may change the last bits of the
    latents. workers: processes that decode; with engine `ray` the number per Ray worker (default 1), which reserves as
    many CPUs. Raises InputError when the autoencoder cannot be loaded, `out` is finished with other settings, there is
    no training clip, or another process works on the same job or with another `job_count`.
    """
    count = workers or (1 if engine == "ray" else processors())
    placement = Placement(engine=engine, device=device, cpus=max(count, threads), threads=threads)
    with _alone(out, job_index, job_count), encoding_on(threads):
        return _prepare(
            listing, out, config, job_index=job_index, job_count=job_count, workers=count, placement=placement
        )


@contextmanager
def _alone(out: Path, job_index: int, job_count: int) -> Iterator[None]:
    """Locks a job. Processes with equal `job_count` and different `job_index` share no shard and may run at once.

    Raises InputError when another process has the same job, or another `job_count`.
    """
    with locked_folder(out, f"{LOCK}-{job_index}-of-{job_count}"):
        for other in out.glob(f"{LOCK}-*-of-*"):
            if not other.name.endswith(f"-of-{job_count}"):
                with locked(other):  # raises if its process runs; removes the lock file of a killed one
                    pass
        yield


def _prepare(
    listing: Listing,
    out: Path,
    config: PrepareConfig,
    *,
    job_index: int,
    job_count: int,
    workers: int,
    placement: Placement,
) -> Prepared:
    # With Ray this process only hashes the autoencoder; the node of the command needs no GPU.
    encoder = Encoder.load(config, placement.device if placement.engine == "local" else "cpu")
    _require_same_settings(out, encoder.settings)
    size = config.requests_per_shard
    slices = (listing.requests[start : start + size] for start in range(0, len(listing.requests), size))
    shards = [_shard(number, requests, listing, encoder.settings) for number, requests in enumerate(slices)]
    assigned = shards[job_index::job_count]
    todo = [shard for shard in assigned if not _complete(out, shard)]
    sweep(out, *(f"{shard_file(out, shard.number).stem}.*" for shard in assigned))
    started = time.perf_counter()
    clips = _make_shards(todo, out, encoder, workers, placement)
    missing = tuple(shard.number for shard in shards if not _complete(out, shard))
    if not missing:
        with locked(out / f"{LOCK}-index", wait=True):  # two processes may finish at the same time
            sweep(out, INDEX)
            write_index(out, shards=len(shards), settings=encoder.settings, skipped=listing.skipped)
    return Prepared(
        encoded=len(todo),
        found=len(assigned) - len(todo),
        clips=clips,
        workers=workers,
        seconds=time.perf_counter() - started,
        missing=missing,
        engine=placement.engine,
    )


def _make_shards(todo: Sequence[Shard], out: Path, encoder: Encoder, workers: int, placement: Placement) -> int:
    """Returns the number of clips. Raises InputError, after the other shards are made, for one whose workers died."""
    started, clips, failed = time.perf_counter(), 0, list[str]()
    with ExitStack() as stack:
        bar = stack.enter_context(closing(progress(sum(len(one.requests) for one in todo), "preparing", unit="file")))
        load: Callable[[], Callable[[Shard], int]]
        if placement.engine == "ray":
            load = RemoteShards(out, encoder.config, placement.device, workers, encoder.settings["autoencoder_sha256"])
        else:
            cutters = stack.enter_context(Workers(cut, count=workers))

            def load() -> Callable[[Shard], int]:
                return lambda shard: make_shard(out, shard, encoder, cutters, on_file=bar.update)

        for shard, result in stack.enter_context(closing(run_units(load, todo, placement))):
            if isinstance(result, Failure):
                failed.append(
                    f"{shard_file(out, shard.number)}: found a shard that {result.reason}, expected it to finish"
                )
                continue
            clips += result
            _show(bar, shard, placement, clips=clips, seconds=time.perf_counter() - started)
    if failed:
        raise InputError("\n".join(failed))
    return clips


def _show(bar: tqdm, shard: Shard, placement: Placement, *, clips: int, seconds: float) -> None:
    if placement.engine == "ray":  # its workers do not report single files
        bar.update(len(shard.requests))
    bar.set_postfix(clips=clips, clips_per_second=f"{clips / seconds:.2f}")


def _shard(number: int, requests: tuple[ClipRequest, ...], listing: Listing, settings: dict[str, Any]) -> Shard:
    sources = tuple(listing.source(request) for request in requests)
    return Shard(number, requests, sources, _key(settings, listing, requests))


def _require_same_settings(out: Path, settings: dict[str, Any]) -> None:
    """Raises InputError when `out` is finished with other settings: a forgotten option must not overwrite hours of
    work."""
    if not (out / INDEX).exists():
        return
    found = read_index(out).settings
    wanted = json.loads(json.dumps(settings))
    different = [name for name in wanted if name != "autoencoder" and found.get(name) != wanted[name]]
    if different:
        differences = "; ".join(f"{name} {found.get(name)}, not {wanted[name]}" for name in different)
        raise InputError.about(
            out, found=f"clips prepared with {differences}", expected="the same settings or another folder"
        )


def _key(settings: dict[str, Any], listing: Listing, requests: Sequence[ClipRequest]) -> str:
    """Returns a hash of everything that a shard depends on: settings, requests, and file sizes, by which changed files
    are detected."""

    def described(request: ClipRequest) -> dict[str, Any]:
        files = (request.file,) if request.sound is None else (request.file, request.sound)
        sizes = [_size(file) for file in files]
        return asdict(request) | {"file": listing.source(request), "sound": request.sound is not None, "sizes": sizes}

    # The autoencoder is identified by the hash of its weights: its name may be a folder of this machine.
    settings = {name: value for name, value in settings.items() if name != "autoencoder"}
    content = json.dumps([settings, [described(request) for request in requests]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _size(file: Path) -> int | None:
    """Returns the size in bytes, or None when the file cannot be accessed."""
    try:
        return file.stat().st_size
    except (OSError, ValueError):  # ValueError: the name is invalid for any file
        return None


def _complete(out: Path, shard: Shard) -> bool:
    """Whether the shard is complete and has its key. A damaged manifest counts as incomplete."""
    try:
        manifest = read_manifest(out, shard.number)
    except InputError:
        return False
    size = _size(shard_file(out, shard.number))
    return manifest is not None and manifest.key == shard.key and manifest.size == size
