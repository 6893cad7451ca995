"""EPIC-Sounds (arXiv 2302.00646): clips around annotated sounds of EPIC-KITCHENS videos (paper: the data set).

Rule: a sound that is shorter than a clip gives one clip. The sound is in its middle, unless the clip has to be moved
because it would extend past an end of the video. A longer sound gives as many consecutive clips as fit into it. Clips
of overlapping sounds may overlap. The labels of a clip are the classes of all sounds in it; its own sound comes first.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmmd.clips.names import VIDEO_SUFFIXES
from cmmd.data.preparing.annotation_table import read_annotation_table
from cmmd.data.preparing.folder import unusable
from cmmd.data.preparing.request import ClipRequest, Listing, Split, check_number, check_time
from cmmd.data.preparing.stretches import stretches_held
from cmmd.errors import InputError

TIME = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2}(?:\.\d{0,9})?)", re.ASCII)
PAIRS = 100
"""Comparisons of a clip with a sound of its video that take as long as one request; counted in the size limit."""
COLUMNS = ("annotation_id", "participant_id", "video_id", "start_timestamp", "stop_timestamp", "class")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """One annotation. start, stop: seconds from the start of its video. split: that of the annotation file."""

    annotation: str
    participant: str
    video: str
    start: float
    stop: float
    label: str
    split: Split


def read_annotations(path: Path) -> tuple[Sound, ...]:
    """Reads a file of EPIC-Sounds. The split is `validation` if the file name contains that word, otherwise `train`.

    Raises InputError for an invalid table or time.
    """
    split: Split = "validation" if "validation" in path.stem.lower() else "train"
    return tuple(
        Sound(
            annotation=row["annotation_id"],
            participant=row["participant_id"],
            video=row["video_id"],
            start=_seconds(row["start_timestamp"], where),
            stop=_seconds(row["stop_timestamp"], where),
            label=row["class"],
            split=split,
        )
        for where, row in read_annotation_table(path, COLUMNS)
    )


def clip_starts(sound: Sound, *, seconds: float) -> tuple[float, ...]:
    """Returns the start times (s) of the clips of a sound by the rule above. Does not take the end of the video into
    account, which is not known here."""
    return _starts(sound, _count(sound, seconds), seconds=seconds)


def _count(sound: Sound, seconds: float) -> int:
    """Number of clips that fit into a sound; 0 for a sound that is shorter than a clip."""
    return math.floor((sound.stop - sound.start) / seconds + 1e-6)


def _starts(sound: Sound, count: int, *, seconds: float) -> tuple[float, ...]:
    if count == 0:
        return (max(0.0, (sound.start + sound.stop - seconds) / 2),)
    return tuple(sound.start + part * seconds for part in range(count))


def list_epic_sounds(
    folder: Path, annotations: Sequence[Path], *, seconds: float, classes: tuple[str, ...] = ()
) -> Listing:
    """Lists the clips of all sounds, or of the given classes. Videos are found by file name anywhere below the folder,
    for example `P01/videos/P01_11.MP4`.

    Raises InputError for an invalid annotation, a class without annotations, too many clips (`check_number`), and when
    there is no clip at all, for example because no annotated video is in the folder.
    """
    sounds = [sound for path in annotations for sound in read_annotations(path)]
    _check_classes(classes, {sound.label for sound in sounds})
    in_video = _by_video(sounds)
    files, skipped = _videos(folder)
    requests: list[ClipRequest] = []
    pairs = 0
    for video, heard in sorted(in_video.items()):
        chosen = [sound for sound in heard if not classes or sound.label in classes]
        if video not in files:
            skipped += [(video, f"its video is not there: {len(chosen)} annotated")] if chosen else []
            continue
        seen: set[str] = set()
        for sound in chosen:
            name = f"{video}/{sound.annotation}"
            if sound.stop <= sound.start or sound.annotation in seen:
                skipped.append((name, "annotated twice" if sound.annotation in seen else "stops before it starts"))
                continue
            seen.add(sound.annotation)
            count = _count(sound, seconds)
            held = stretches_held(files[video], count, start=sound.start, seconds=seconds)
            if held < count:
                skipped.append((name, f"{count - held} stretches beyond the end of its file"))
            pairs += held * len(heard)  # each clip is compared with each sound of its video
            check_number(max(len(requests) + held, pairs // PAIRS), folder)
            requests += _requests(sound, files[video], heard, count=held, seconds=seconds)
    if not requests:
        raise InputError.about(
            folder, found=f"none of {len(in_video)} videos", expected="P01/videos/P01_11.MP4 and so on"
        )
    return Listing(folder, tuple(sorted(requests, key=lambda request: request.name)), tuple(skipped))


def _check_classes(classes: Sequence[str], known: Collection[str]) -> None:
    for name in classes:
        if name not in known:
            raise InputError(
                f"class {name!r}: found none in the annotations, expected one of {', '.join(sorted(known))}"
            )


def _by_video(sounds: Sequence[Sound]) -> dict[str, list[Sound]]:
    in_video: dict[str, list[Sound]] = {}
    for sound in sounds:
        in_video.setdefault(sound.video, []).append(sound)
    return in_video


def _videos(folder: Path) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Returns the file of every video, and skipped entries: dead links, empty folders, duplicate file names."""
    files: dict[str, Path] = {}
    skipped = unusable(folder)
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file():
            if file.stem in files:
                other = files[file.stem].relative_to(folder)
                skipped.append((file.relative_to(folder).as_posix(), f"another file is that video: {other}"))
            files.setdefault(file.stem, file)
    return files, skipped


def _requests(sound: Sound, file: Path, heard: Sequence[Sound], *, count: int, seconds: float) -> list[ClipRequest]:
    requests = []
    for part, start in enumerate(_starts(sound, count, seconds=seconds)):
        others = (other.label for other in heard if other.start < start + seconds and other.stop > start)
        requests.append(
            ClipRequest(
                file=file,
                name=f"{sound.video}/{sound.annotation}.{part}",
                group=sound.video,
                split=sound.split,
                start=start,
                labels=tuple(dict.fromkeys((sound.label, *others))),
            )
        )
    return requests


def _seconds(text: str, where: str) -> float:
    """Parses HH:MM:SS.sss to seconds. Raises InputError for another format or a time that no file reaches."""
    match = TIME.fullmatch(text.strip())
    if match is None:
        raise InputError.about(where, found=f"the time {text!r:.60}", expected="HH:MM:SS.sss")
    hours, minutes, seconds = match.groups()
    return check_time(3600 * int(hours) + 60 * int(minutes) + float(seconds), where)
