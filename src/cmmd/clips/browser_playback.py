"""Codecs and pixel formats that browsers play in MP4 (caniuse.com; ours: pixel formats that all of them accept)."""

from av.video.stream import VideoStream

EIGHT_BITS = {"yuv420p", "yuvj420p"}
# Safari always plays HEVC; Chrome and Firefox play it only with support from the machine. VP9 and AV1: the reverse.
PLAYED = {
    "h264": EIGHT_BITS,
    "hevc": EIGHT_BITS | {"yuv420p10le"},
    "vp9": EIGHT_BITS | {"yuv420p10le"},
    "av1": EIGHT_BITS | {"yuv420p10le"},
}


def codec_of(stream: VideoStream) -> str:
    """Returns the canonical name of the codec, which does not depend on the decoder in use."""
    return stream.codec_context.codec.canonical_name


def not_played(stream: VideoStream) -> str | None:
    """Returns the reason why browsers are unlikely to play the packets of `stream`, or None if they play them."""
    codec, pixels = codec_of(stream), stream.codec_context.pix_fmt
    if codec not in PLAYED:
        return f"browsers do not play {codec}"
    return None if pixels in PLAYED[codec] else f"browsers do not play {codec} of {pixels}"
