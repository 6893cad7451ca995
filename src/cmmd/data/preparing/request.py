"""What is to be prepared: files and stretches of files, each with its label, its group and its split (ours)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from cmmd.errors import InputError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
LONGEST = 1_000_000
"""Seconds, eleven days: what a table may say of a file."""
MOST = 1_000_000
"""Requests of one run, half a kilobyte each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRequest:
    """A file, or a stretch of one, that is to become clips.

    name: unique, with forward slashes. group: what must not be in two splits: the source video, or the music. split:
    None where it is still to be drawn. start: seconds; None is the whole file, cut into clips one after the other; a
    stretch is moved into the file where it hangs over the end. labels: what is heard. sound: a file in place of the
    video's own sound. person: crop to whoever moves.
    """

    file: Path
    name: str
    group: str
    split: Split | None = None
    start: float | None = None
    labels: tuple[str, ...] = ()
    sound: Path | None = None
    person: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """root: what the files' names are relative to. requests: in the order of their names. skipped: name and reason of
    what the source itself leaves out."""

    root: Path
    requests: tuple[ClipRequest, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def source(self, request: ClipRequest) -> str:
        """The name of a request's file, with forward slashes."""
        inside = request.file.is_relative_to(self.root)
        return (request.file.relative_to(self.root) if inside else request.file).as_posix()


def with_splits(listing: Listing, *, validation: float, test: float = 0.0) -> Listing:
    """Give a split to every request that has none: whole groups, in the order of a hash of their names.

    A group stays where it is when other settings change; a share that is asked for gets one group at least, if two or
    more are there. Raises InputError when nothing would be left to train on.
    """
    undecided = {request.group for request in listing.requests if request.split is None}
    # The bytes of a name that is no UTF-8 count as they are.
    groups = sorted(undecided, key=lambda name: hashlib.sha256(name.encode(errors="surrogatepass")).digest())
    held = {name: _held_out(share, len(groups)) for name, share in (("validation", validation), ("test", test))}
    if groups and sum(held.values()) >= len(groups):
        raise InputError(
            f"validation {validation:g} and test {test:g} of {len(groups)} source videos leave none to train on"
        )
    ends = held["validation"], held["validation"] + held["test"]
    split_of: dict[str, Split] = {
        group: "validation" if place < ends[0] else "test" if place < ends[1] else "train"
        for place, group in enumerate(groups)
    }
    requests = (
        replace(request, split=split_of[request.group]) if request.split is None else request
        for request in listing.requests
    )
    return replace(listing, requests=tuple(requests))


def _held_out(share: float, groups: int) -> int:
    return max(1, round(share * groups)) if share and groups > 1 else 0


def check_time(seconds: float, place: str) -> float:
    """The time itself. Raises InputError, naming the place, for one that no file reaches."""
    if not 0 <= seconds <= LONGEST:
        raise InputError.about(place, found=f"the time {seconds:g} s", expected=f"0 to {LONGEST} s")
    return seconds


def check_number(requests: int, source: Path) -> None:
    """Raise InputError where a table asks for more clips than fit into memory: a row may ask for many."""
    if requests > MOST:
        raise InputError.about(source, found=f"more than {MOST} clips", expected="fewer in one run")


def require_disjoint(requests: Sequence[ClipRequest], source: Path) -> None:
    """Raise InputError, naming a group, when one is in two splits."""
    seen: dict[str, Split | None] = {}
    for request in requests:
        known = seen.setdefault(request.group, request.split)
        if known != request.split:
            raise InputError(f"{source}: {request.group} is in {known} and in {request.split}, expected one split")
