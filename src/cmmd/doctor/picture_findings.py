"""Findings about a file's picture, from its measurements (ours; docs/doctor.md lists the thresholds)."""

from collections.abc import Iterator

from cmmd.clips.geometry import Geometry
from cmmd.clips.probing import MediaInfo
from cmmd.doctor.examination import Stated
from cmmd.doctor.finding import Finding
from cmmd.doctor.picture_trace import PictureMeasures

NO_PICTURE_PIXELS = 16
"""Length of the shorter side below which nothing can be seen."""
NARROW, VERY_NARROW = 2.0, 4.0
"""Longer over shorter side above which the loss of a square crop is a note, a warning; films have 1.78 to 2.4."""
PLAIN, STILL = 2.0, 4.0
"""Grey levels of contrast and of change that noise and encoders alone produce."""
STANDSTILL = 0.5
"""s from which a picture, if much longer than the others, is a standstill."""
UNEVEN, FEW = 0.01, 3
"""Share and number of uneven gaps from which a frame rate is variable; both are required."""
RATE_TOLERANCE = 0.05
HIGHEST_RATE = 120.0
LOST = 0.5
"""Share of undecodable packets above which the picture is lost."""


def picture_findings(pictures: PictureMeasures, info: MediaInfo, stated: Stated) -> Iterator[Finding]:
    """Yield all findings about the picture."""
    yield from _content(pictures)
    yield from _damage(pictures)
    yield from _shape(info, stated)
    yield from _rate(pictures, stated)


def _content(pictures: PictureMeasures) -> Iterator[Finding]:
    if pictures.contrast < PLAIN and pictures.change < STILL:
        yield Finding("unusable", "blank picture", "one plain colour throughout; nothing to learn from")
    elif pictures.contrast < PLAIN:
        yield Finding("warning", "plain picture", "every picture is one plain colour; is this the right file?")
    elif pictures.change < STILL:
        yield Finding("warning", "still picture", "the picture never changes; it has no events to hear")


def _damage(pictures: PictureMeasures) -> Iterator[Finding]:
    damage = pictures.damage
    lost = damage.packets / (damage.packets + pictures.count)
    if lost > LOST:
        yield Finding("unusable", "picture lost", f"{lost:.0%} of the picture cannot be decoded; fetch the file again")
    for found in () if lost > LOST else damage.notes("picture"):
        yield Finding("warning", "damaged picture", f"{found}; fetch the file again")
    if pictures.flagged:
        found = f"{pictures.flagged} of {pictures.count} pictures were made up in part by the decoder"
        yield Finding("warning", "damaged picture", f"{found}; fetch the file again")
    if pictures.longest_gap >= STANDSTILL and pictures.longest_gap > 4 * pictures.usual_gap:
        found = f"no new picture for {pictures.longest_gap:.2f} s from {pictures.longest_gap_at:.2f} s on"
        yield Finding("warning", "standstill", f"{found}; the last one is repeated while the sound goes on")


def _shape(info: MediaInfo, stated: Stated) -> Iterator[Finding]:
    video = info.video
    assert video.width is not None and video.height is not None
    size, wanted = f"{video.width} x {video.height} pixels", Geometry().image_size
    short, long = sorted((video.width, video.height))
    if short < NO_PICTURE_PIXELS:
        yield Finding("unusable", "tiny picture", f"{size}; nothing can be seen")
    elif short < wanted:
        yield Finding("warning", "small picture", f"{size}, fewer than the {wanted} that training sees; it is enlarged")
    elif long > NARROW * short:
        keep = f"{size}: a square crop keeps {short / long:.0%} of it; --fit letterbox keeps all"
        yield Finding("warning" if long > VERY_NARROW * short else "note", "narrow picture", keep)
    if video.rotation or video.mirrored:
        turn = f"turned by {video.rotation} degrees" * bool(video.rotation)
        how = " and ".join(part for part in (turn, "mirrored" * video.mirrored) if part)
        yield Finding("note", "rotation", f"shown {how}, as the file asks; cmmd does it, not every program does")
    if not stated.square_pixels:
        yield Finding("note", "pixel shape", f"its pixels are not square, {size} when they are; cmmd does it")
    if stated.videos > 1:
        yield Finding("note", "several videos", f"{stated.videos} video streams; the largest one that decodes is used")


def _rate(pictures: PictureMeasures, stated: Stated) -> Iterator[Finding]:
    rate, looks = pictures.count / pictures.seconds, Geometry().fps
    if pictures.count > 1 and rate < looks * (1 - RATE_TOLERANCE):
        found = f"{rate:.3g} pictures a second; training looks {looks} times a second and sees some again"
        yield Finding("warning", "low frame rate", found)
    if rate > HIGHEST_RATE:
        yield Finding("note", "high frame rate", f"{rate:.4g} pictures a second; training needs {looks}")
    if pictures.uneven >= UNEVEN and round(pictures.uneven * pictures.count) >= FEW:
        found = f"{pictures.uneven:.0%} of the pictures are not {1000 * pictures.usual_gap:.0f} ms apart"
        yield Finding("note", "variable frame rate", f"{found}; cmmd goes by their time stamps, not every program does")
    elif stated.rate and pictures.count > 1 and not 0.95 < stated.rate / rate < 1.05:
        found = f"states {stated.rate:.4g} pictures a second and shows {rate:.4g}"
        yield Finding("note", "wrong frame rate", f"{found}; cmmd goes by time stamps, not every program does")
