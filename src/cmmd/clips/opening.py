"""Opens a media file for reading, and no other file (ours)."""

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
SEEKABLE = {"mov", "mp4", "matroska", "webm"}  # their index finds a key frame before the requested time
PICTURE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
# FFmpeg decodes text files as ANSI art.
TEXT_FORMATS = {"tty", "bin", "xbin", "adf", "idf"}
# Their content names other files or network addresses, which FFmpeg would open.
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
    """Opens a regular file for reading.

    The protocol is explicit so that a name with a colon is not read as a URL. Raises InputError if the path is not a
    regular file, the file may not be read, or it is not a media file by itself. A list of other files is rejected,
    whatever its name.
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
    """Returns an error that states what the path is instead. For a folder of pictures or a name pattern it shows how to
    convert them to a clip."""
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
    """Returns the picture files in a folder (photos, or the frames of a clip), sorted by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)


def single_pictures(path: Path, found: str, name: Path) -> InputError:
    """Returns an error with the command that converts pictures to a clip. name: the first picture, or a pattern for all
    of them."""
    pattern = name if "%" in name.name else name.with_name(re.sub(r"\d+(?=\D*$)", _numbered, name.name))
    command = f"ffmpeg -framerate 25 -i {shlex.quote(str(pattern))} -crf 12 -pix_fmt yuv420p clip.mp4"
    return InputError.about(path, found=found, expected=f"one clip, made of them by: {command}")


def _numbered(digits: re.Match[str]) -> str:
    return f"%0{len(digits[0])}d" if digits[0].startswith("0") else "%d"


def keeps_no_times(container: InputContainer) -> bool:
    """Whether the container stores no presentation times, so that the decoding order must be used."""
    return container.format.name == "avi"


def reason(error: Exception) -> str:
    """Returns FFmpeg's message without the file name."""
    return str(getattr(error, "strerror", None) or error)
