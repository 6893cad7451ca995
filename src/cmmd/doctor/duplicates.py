"""Finds files with the same content, by hash or fingerprint, and files that share only sound or only picture (ours).

All pairs of files are compared by matrix products. `docs/doctor.md` has the thresholds and the pairs on which they were
chosen.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool

from cmmd.doctor.examination import Examination
from cmmd.doctor.finding import Finding
from cmmd.doctor.fingerprint import Fingerprint

SAME_LOOKS = 0.97
SAME_MOVES, SAME_SOUNDS = 0.5, 0.9
"""Both, together with SAME_LOOKS, mean the same content: clips of one scene look alike, but differ in sound."""
SURE_MOVES, LIKE_SOUNDS = 0.9, 0.7
"""Similarity of motion that means the same picture whatever the sound; similarity of steady noise after encoding."""
SURE_SOUNDS = 0.95
"""Similarity of sound that means the same sound whatever the picture."""
OTHER_LOOKS, OTHER_MOVES, OTHER_SOUNDS = 0.9, 0.4, 0.6
"""Similarity below which a picture or a sound is a different one."""
LENGTHS, LENGTH_SECONDS = 0.01, 0.15
"""Share and seconds by which clips of the same content may differ in length; the larger one applies."""
ROWS = 256
"""Number of files compared with all others at a time; bounds the memory."""
ONE_SPLIT = "keep one, or it may be trained on and validated on"
WORDS = {
    "same content": f"the content of {{other}} in another encoding; {ONE_SPLIT}",
    "same sound": "the sound of {other} under another picture; it does not belong to one of them, unless both were"
    " made to one music",
    "same picture": "the picture of {other} with another sound, or with none; at most one sound belongs to it",
}


def shared_content(clips: Sequence[Examination], names: Sequence[str]) -> list[list[Finding]]:
    """Returns, for every clip, the findings about content that it shares with other clips.

    names: names of the clips, for the text of the findings.
    """
    findings: list[list[Finding]] = [[] for _ in clips]
    firsts: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        firsts.setdefault(clip.content.digest, []).append(index)
    for index, clip in enumerate(clips):
        others = [other for other in firsts[clip.content.digest] if other != index]
        if others:
            text = f"byte for byte {_named(names[others[0]], len(others))}; {ONE_SPLIT}"
            findings[index].append(Finding("warning", "identical file", text))
    digests = np.array([clip.content.digest for clip in clips])
    for kind, first, shared in _alike([clip.fingerprint for clip in clips]) if clips else ():
        shared = shared & (digests[first : first + len(shared), None] != digests)
        for row in np.flatnonzero(shared.any(axis=1)):
            other = _named(names[int(shared[row].argmax())], int(shared[row].sum()))
            findings[first + int(row)].append(Finding("warning", kind, WORDS[kind].format(other=other)))
    return findings


def _named(name: str, count: int) -> str:
    return name if count == 1 else f"{name} (and {count - 1} more)"


def _alike(prints: Sequence[Fingerprint]) -> Iterator[tuple[str, int, Bool[np.ndarray, "rows files"]]]:
    """Yield a kind of finding, the number of the first row, and which files share this content with each row."""
    seconds = np.array([each.seconds for each in prints])
    looks, moves, sounds = (_Vectors([getattr(each, name) for each in prints]) for name in ("looks", "moves", "sounds"))
    for first in range(0, len(prints), ROWS):
        rows = slice(first, first + ROWS)
        differences = np.abs(seconds[rows, None] - seconds)
        as_long = differences <= np.maximum(LENGTH_SECONDS, LENGTHS * seconds)
        seen, moved, heard = looks.with_all(rows), moves.with_all(rows), sounds.with_all(rows)
        by_both = (seen >= SAME_LOOKS) & ~(moved < SAME_MOVES) & (heard >= SAME_SOUNDS)
        same_picture = (seen >= SAME_LOOKS) & (moved >= SURE_MOVES)
        mute = ~sounds.there[rows, None] & ~sounds.there
        sound_only = ~looks.there[rows, None] & ~looks.there & (heard >= SURE_SOUNDS)
        content = by_both | (same_picture & (mute | (heard >= LIKE_SOUNDS))) | sound_only
        other_picture = (seen < OTHER_LOOKS) | (moved < OTHER_MOVES)
        yield "same content", first, content & as_long
        yield "same sound", first, (heard >= SURE_SOUNDS) & other_picture & ~content & as_long
        yield "same picture", first, same_picture & ~content & ~(heard >= OTHER_SOUNDS) & as_long


class _Vectors:
    """The vectors of one kind from all fingerprints (at least one); `there` marks the fingerprints that have one."""

    def __init__(self, vectors: Sequence[np.ndarray | None]) -> None:
        self.there = np.array([vector is not None for vector in vectors], bool)
        length = max((len(vector) for vector in vectors if vector is not None), default=1)
        self._all = np.stack([np.zeros(length, np.float32) if vector is None else vector for vector in vectors])

    def with_all(self, rows: slice) -> np.ndarray:
        """Similarity of `rows` to all files, (rows, files); nan, neither alike nor different, without a vector."""
        alike = self._all[rows] @ self._all.T
        alike[~(self.there[rows, None] & self.there)] = np.nan
        return alike
