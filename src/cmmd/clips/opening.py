"""A media file opened for reading, and nothing but that file (ours)."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError

from cmmd.errors import InputError

EXPECTED = "a media file with video or sound"
SEEKABLE = {"mov", "mp4", "matroska", "webm"}  # their index leads to a key frame before the time asked for
PICTURE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
# FFmpeg plays text files as ANSI art, which nobody wants to hear.
TEXT_FORMATS = {"tty", "bin", "xbin", "adf", "idf"}
# Their content names other files, or addresses in a network, which they would open.
OPENS_OTHERS = {
    *("avisynth", "concat", "dash", "hls", "imf", "lavfi"),
    *("rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest"),
}
OPTIONS = {
    "format_whitelist": ",".join(sorted(av.formats_available - OPENS_OTHERS)),
    "pattern_type": "none",  # img%d.png is one picture of that name
}


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a regular file for reading.

    The protocol is spelt out so that a name with a colon is not taken for a URL. Raises InputError for anything that is
    not a media file by itself: a list of other files is none, whatever its name.
    """
    if not path.is_file():
        raise _no_file(path)
    try:
        size = path.stat().st_size
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace", options=OPTIONS)
    except PermissionError:
        raise InputError.about(path, found="a file that may not be read", expected=EXPECTED) from None
    except ArgumentError:
        raise InputError.about(path, found="a list of other files or streams, or no media", expected=EXPECTED) from None
    except (FFmpegError, ValueError) as error:
        found = f"{size} bytes that are no known media format ({reason(error)})" if size else "an empty file"
        raise InputError.about(path, found=found, expected=EXPECTED) from error
    with container:
        if container.format.name in TEXT_FORMATS:
            raise InputError.about(path, found="text", expected=EXPECTED)
        yield container


def _no_file(path: Path) -> InputError:
    """What a name stands for instead; who names pictures one by one is told how to make them a clip."""
    if path.is_dir():
        pictures = pictures_in(path)
        if len(pictures) > 1:
            return single_pictures(path, f"a folder of {len(pictures)} pictures", pictures[0])
        return InputError.about(path, found="a folder", expected=EXPECTED)
    if path.exists():
        return InputError.about(path, found="no regular file", expected=EXPECTED)
    if re.search(r"%\d*d", path.name):
        return single_pictures(path, "a pattern for the names of pictures", path)
    return InputError.about(path, found="no such file", expected=EXPECTED)


def pictures_in(folder: Path) -> list[Path]:
    """Photos, or the frames of a clip, by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)


def single_pictures(path: Path, found: str, name: Path) -> InputError:
    """Says how pictures become a clip that can be given. name: of the first one, or a pattern for all."""
    pattern = name if "%" in name.name else name.with_name(re.sub(r"\d+(?=\D*$)", _numbered, name.name))
    told = f"ffmpeg -framerate 25 -i {shlex.quote(str(pattern))} -crf 12 -pix_fmt yuv420p clip.mp4"
    return InputError.about(path, found=found, expected=f"one clip, made of them by: {told}")


def _numbered(digits: re.Match[str]) -> str:
    return f"%0{len(digits[0])}d" if digits[0].startswith("0") else "%d"


def keeps_no_times(container: InputContainer) -> bool:
    """Whether the container stores no presentation times, so that the order of decoding has to do."""
    return container.format.name == "avi"


def reason(error: Exception) -> str:
    """FFmpeg's words without the file name."""
    return str(getattr(error, "strerror", None) or error)
