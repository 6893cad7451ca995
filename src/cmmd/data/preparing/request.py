"""Requests for preparation: files and stretches of files, each with labels, a group and a split (ours)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from cmmd.errors import InputError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
LONGEST = 1_000_000
"""Maximum time in a table, in seconds: eleven days."""
MOST = 1_000_000
"""Maximum number of requests in one run; each takes half a kilobyte."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRequest:
    """A file, or a stretch of one, to be cut into clips.

    name: unique, with forward slashes. group: the source video or the music; all clips of a group are in one split.
    split: None until it is assigned. start: seconds; None requests the whole file, cut into consecutive clips. A
    stretch that would extend past the end of the file is moved back. labels: classes of the sound. sound: a file that
    replaces the video's own sound. person: crop to the person that moves.
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
    """root: folder that file names are relative to. requests: in the order of their names. skipped: (name, reason) of
    what was left out while listing."""

    root: Path
    requests: tuple[ClipRequest, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def source(self, request: ClipRequest) -> str:
        """Returns the path of a request's file with forward slashes, relative to `root` if it is inside."""
        inside = request.file.is_relative_to(self.root)
        return (request.file.relative_to(self.root) if inside else request.file).as_posix()


def with_splits(listing: Listing, *, validation: float, test: float = 0.0) -> Listing:
    """Assigns a split to every request without one. Whole groups are assigned, in the order of a hash of their names.

    The order does not depend on other settings. A share above 0 gets at least one group if there are two or more.
    Raises InputError when no group would be left to train on.
    """
    undecided = {request.group for request in listing.requests if request.split is None}
    # surrogatepass: a file name need not be valid UTF-8.
    groups = sorted(undecided, key=lambda name: hashlib.sha256(name.encode(errors="surrogatepass")).digest())
    held = {name: _held_out(share, len(groups)) for name, share in (("validation", validation), ("test", test))}
    if groups and sum(held.values()) >= len(groups):
        raise InputError(
            f"validation {validation:g} and test {test:g} of {len(groups)} source videos leave none to train on"
        )
    ends = held["validation"], held["validation"] + held["test"]
    split_of: dict[str, Split] = {
        group: "validation" if index < ends[0] else "test" if index < ends[1] else "train"
        for index, group in enumerate(groups)
    }
    requests = (
        replace(request, split=split_of[request.group]) if request.split is None else request
        for request in listing.requests
    )
    return replace(listing, requests=tuple(requests))


def _held_out(share: float, groups: int) -> int:
    return max(1, round(share * groups)) if share and groups > 1 else 0


def check_time(seconds: float, where: str) -> float:
    """Returns the time. Raises InputError, naming `where`, when it is not in 0 to `LONGEST` seconds."""
    if not 0 <= seconds <= LONGEST:
        raise InputError.about(where, found=f"the time {seconds:g} s", expected=f"0 to {LONGEST} s")
    return seconds


def check_number(requests: int, source: Path) -> None:
    """Raises InputError for more than `MOST` requests, which would not fit into memory. One row may ask for many."""
    if requests > MOST:
        raise InputError.about(source, found=f"more than {MOST} clips", expected="fewer in one run")


def require_disjoint(requests: Sequence[ClipRequest], source: Path) -> None:
    """Raises InputError, naming the group, when a group is in two splits."""
    seen: dict[str, Split | None] = {}
    for request in requests:
        known = seen.setdefault(request.group, request.split)
        if known != request.split:
            raise InputError(f"{source}: {request.group} is in {known} and in {request.split}, expected one split")
