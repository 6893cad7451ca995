"""Which pictures browsers play in an MP4 file (caniuse.com; ours: the pixel formats that all of them take)."""

from av.video.stream import VideoStream

EIGHT_BITS = {"yuv420p", "yuvj420p"}
# Safari plays HEVC everywhere, Chrome and Firefox where the machine does; VP9 and AV1 the other way round.
PLAYED = {
    "h264": EIGHT_BITS,
    "hevc": EIGHT_BITS | {"yuv420p10le"},
    "vp9": EIGHT_BITS | {"yuv420p10le"},
    "av1": EIGHT_BITS | {"yuv420p10le"},
}


def codec_of(stream: VideoStream) -> str:
    """The name of the codec, whichever decoder is used."""
    return stream.codec_context.codec.canonical_name


def not_played(stream: VideoStream) -> str | None:
    """Why no browser is likely to play the packets of `stream`, or None."""
    codec, pixels = codec_of(stream), stream.codec_context.pix_fmt
    if codec not in PLAYED:
        return f"browsers do not play {codec}"
    return None if pixels in PLAYED[codec] else f"browsers do not play {codec} of {pixels}"
