"""Detects files with a picture instead of a clip: photos, covers, and animations that FFmpeg cannot decode (ours)."""

from itertools import islice
from pathlib import Path

from av.video.stream import VideoStream

from cmmd.clips.opening import open_media
from cmmd.clips.packet_scan import stored_packets

PICTURE_CODECS = {"mjpeg", "png", "apng", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegxl", "libjxl"}
PICTURE_BRANDS = {"heic", "heix", "heim", "heis", "mif1", "avif"}
"""Brands of the MP4-based picture formats HEIC and AVIF (ISO/IEC 23008-12)."""


def is_single_picture(path: Path, index: int) -> bool:
    """Whether video stream `index` is one picture in a picture format. A video of one frame in a video format is
    not."""
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)
        brand = container.metadata.get("major_brand", "").strip()
        if stream.frames > 1 or (stream.codec_context.name not in PICTURE_CODECS and brand not in PICTURE_BRANDS):
            return False
        return len(list(islice(stored_packets(container, stream), 2))) < 2


def is_animated_webp(path: Path) -> bool:
    """Whether the first bytes of the file are those of an animated WebP. FFmpeg decodes only still WebP."""
    with path.open("rb") as file:
        head = file.read(21)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 21 and bool(head[20] & 2)
