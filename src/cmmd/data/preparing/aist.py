"""AIST++ (arXiv 2101.08779): file names, cameras, the split by music, the ignore list (paper: the data set).

A name such as `gBR_sBM_c01_d04_mBR0_ch01` encodes genre, situation, camera, dancer, music and choreography. The name of
a sequence has `cAll` in place of the camera.
"""

import re
from pathlib import Path
from typing import NamedTuple

from cmmd.data.preparing.folder import media_files, unusable
from cmmd.data.preparing.request import ClipRequest, Listing
from cmmd.errors import InputError
from cmmd.files.foreign_files import read_text

NAME = re.compile(r"g(?P<genre>[A-Z]{2})_s(?P<situation>[A-Z]{2})_c(?P<camera>\d\d|All)_d(?P<dancer>\d\d)"
                  r"_m(?P<music>[A-Z]{2}\d)_ch(?P<choreography>\d\d)")  # fmt: skip
TEST_MUSIC = frozenset(("BR0", "HO5", "JB5", "JS3", "KR2", "LH4", "LO2", "MH3", "PO1", "WA0"))
"""One piece per genre: the music of D2M-GAN's test list (video_test_segment.txt). Its training list has none of it."""
GENRES = {
    "BR": "break", "PO": "pop", "LO": "lock", "MH": "middle hip-hop", "LH": "LA style hip-hop",
    "HO": "house", "WA": "waack", "KR": "krump", "JS": "street jazz", "JB": "ballet jazz",
}  # fmt: skip


class Sequence(NamedTuple):
    """Fields of a file name. `name` leaves out the camera: all cameras of a sequence show the same dance."""

    genre: str
    situation: str
    camera: str
    dancer: str
    music: str
    choreography: str

    @property
    def name(self) -> str:
        return f"g{self.genre}_s{self.situation}_cAll_d{self.dancer}_m{self.music}_ch{self.choreography}"


def parse_name(name: str) -> Sequence | None:
    """Returns the sequence that a file or annotation name contains, or None."""
    match = NAME.search(name)
    return Sequence(**match.groupdict()) if match else None


def read_ignored(path: Path) -> frozenset[str]:
    """Reads the names of sequences to leave out, one per line. Raises InputError for a line without such a name."""
    text = read_text(path, expected="names of sequences, one a line")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    names = [parse_name(line) for line in lines]
    for line, name in zip(lines, names, strict=True):
        if name is None:
            raise InputError(f"{path}: found {line!r:.60}, expected names such as gBR_sBM_cAll_d04_mBR0_ch01")
    return frozenset(name.name for name in names if name is not None)


def list_aist(folder: Path, *, cameras: tuple[str, ...], ignored: frozenset[str], person: bool) -> Listing:
    """Lists the videos of the chosen cameras (empty: all cameras). The group is the music: no piece is in two splits.

    Raises InputError when no file can be used.
    """
    requests, skipped = [], unusable(folder)
    for file in media_files(folder):
        name = file.relative_to(folder).as_posix()
        sequence = parse_name(file.name)
        if sequence is None:
            skipped.append((name, "not named as AIST files are"))
        elif cameras and f"c{sequence.camera}" not in cameras:
            skipped.append((name, "another camera"))
        elif sequence.name in ignored:
            skipped.append((name, "on the ignore list"))
        else:
            requests.append(
                ClipRequest(
                    file=file,
                    name=name,
                    group=sequence.music,
                    split="test" if sequence.music in TEST_MUSIC else None,
                    labels=(GENRES.get(sequence.genre, sequence.genre),),
                    person=person,
                )
            )
    if not requests:
        expected = "files named as gBR_sBM_c01_d04_mBR0_ch01.mp4"
        raise InputError.about(folder, found=f"{len(skipped)} files, none to use ({skipped[0][1]})", expected=expected)
    return Listing(folder, tuple(requests), tuple(skipped))
