"""Mistakes in the files that are written: tags, colours, and what goes along with the picture."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

COPY, AGAIN, ENCODING = "clips/stream_copy.py", "clips/encoding_again.py", "clips/encoding.py"
SIDE, RGB = "clips/side_streams.py", "clips/display_rgb.py"
IN_COPY, IN_AGAIN, IN_SIDE = "clips/test_stream_copy.py", "clips/test_encoding_again.py", "clips/test_side_streams.py"

MUTANTS = (
    Mutant("HEVC has FFmpeg's tag", COPY,
           'context.codec_tag = "hvc1"', 'context.codec_tag = "hev1"', IN_COPY, "all_players"),
    Mutant("parameter sets stay in the stream", COPY,
           "if lacks_parameter_sets(codec, context.extradata):", "if False:", IN_COPY, "parameter_sets_move"),
    Mutant("Dolby Vision is left out", ENCODING,
           'options["strict"] = "unofficial"', 'options["strict"] = "normal"', IN_COPY, "dolby"),
    Mutant("BT.601 is said and BT.709 done", ENCODING,
           "context.colorspace, context.color_range = int(Colorspace.ITU709)",
           "context.colorspace, context.color_range = 6", IN_AGAIN, "made_video"),
    Mutant("BT.709 is said and BT.601 done", ENCODING,
           "space, limits = Colorspace.ITU709", "space, limits = Colorspace.ITU601", IN_AGAIN, "made_video"),
    Mutant("tone-mapped pictures are said to be PQ", ENCODING,
           "if transfer in TRANSFERS:", "if False:", IN_AGAIN, "tone_mapped"),
    Mutant("what is transparent shows its hidden colours", RGB,
           "pixels[..., :3] * alpha + 127", "pixels[..., :3] * np.uint16(255)", IN_AGAIN, "transparent"),
    Mutant("the last picture has the usual length", AGAIN,
           "if end - time > 2 * gap:", "if False:", IN_AGAIN, "last_picture"),
    Mutant("chapters keep the clock of the source", SIDE,
           'round(self._origin / chapter["time_base"])', "0", IN_SIDE, "counted_from"),
    Mutant("subtitles keep the clock of the source", SIDE,
           "packet.pts -= round(self._origin / packet.time_base)", "packet.pts -= 0", IN_SIDE, "counted_from"),
    Mutant("a further sound stays the default", SIDE,
           "target.disposition &= ~Disposition.default", "pass", IN_SIDE, "not_replaced"),
    Mutant("further sound does not follow a clock that jumps", SIDE,
           "shifters[index].move(packet)", "pass", IN_SIDE, "starts_again"),
    Mutant("transparency is claimed where it is lost", SIDE,
           'if alpha and copied and self._kind.format in ("matroska", "webm"):', "if alpha:", IN_SIDE, "transparency"),
)
