"""Copied video is set up so that the players of its container know it, wherever it comes from."""

from pathlib import Path

import av
import numpy as np
import pytest
from made_media import MadeVideo, frame_numbers, grey_frames, make_media, steady_times

from cmmd.clips.parameter_sets import lacks_parameter_sets, with_parameter_sets
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import Muxed, write_sound_under_video

HEVC = {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none:crf=12"}}
H264 = {"codec": "libx264", "options": {"preset": "ultrafast", "crf": "12"}}
SILENCE = np.zeros(16000, np.float32)


def put(source: Path, out: Path) -> Muxed:
    return write_sound_under_video(source, SILENCE, out, sample_rate=16000)


def tag_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.codec_tag


def make_clip(path: Path, settings: dict) -> Path:
    return make_media(path, MadeVideo(grey_frames(25), steady_times(25), **settings))


def check_frames(path: Path) -> None:
    frames = read_clip(path, fps=25).frames
    assert frames is not None
    assert frame_numbers(frames) == list(range(25))


@pytest.mark.parametrize("target", ["mp4", "m4v", "mov"])
@pytest.mark.parametrize("source", ["mkv", "ts", "mp4", "mov"])
def test_hevc_gets_the_tag_that_all_players_know(tmp_path: Path, source: str, target: str) -> None:
    """hev1, FFmpeg's choice, does not play on Apple's devices. TS keeps its parameter sets in the stream."""
    path, out = make_clip(tmp_path / f"in.{source}", HEVC), tmp_path / f"out.{target}"
    assert tag_of(path) != "hvc1"
    result = put(path, out)
    assert result.copied
    assert source == "ts" or result.video_packet_hash_in == result.video_packet_hash_out
    assert tag_of(out) == "hvc1"
    check_frames(out)
    # A phone's clip, and a result once more.
    again = put(out, tmp_path / f"again.{target}")
    assert again.copied
    assert tag_of(tmp_path / f"again.{target}") == "hvc1"


@pytest.mark.parametrize("source", ["mkv", "ts", "flv"])
def test_h264_is_avc1(tmp_path: Path, source: str) -> None:
    out = tmp_path / "out.mp4"
    assert put(make_clip(tmp_path / f"in.{source}", H264), out).copied
    assert tag_of(out) == "avc1"
    check_frames(out)


@pytest.mark.parametrize("settings", [HEVC, H264], ids=["hevc", "h264"])
def test_parameter_sets_move_from_the_stream_to_the_sample_entry(tmp_path: Path, settings: dict) -> None:
    """As in files for streaming: tags hev1 and avc3, an empty list of sets, and the sets before the first picture."""
    whole, inband, out = make_clip(tmp_path / "whole.mp4", settings), tmp_path / "inband.mp4", tmp_path / "out.mp4"
    codec = "hevc" if settings is HEVC else "h264"
    with av.open(str(whole)) as source, av.open(str(inband), "w", format="mp4") as container:
        stream = source.streams.video[0]
        record = stream.codec_context.extradata
        assert record is not None
        sets, empty = split(codec, record)
        copied = container.add_stream_from_template(stream, opaque=True)
        copied.codec_context.extradata = empty
        copied.codec_context.codec_tag = "hev1" if settings is HEVC else "avc3"
        for number, packet in enumerate(packet for packet in source.demux(stream) if packet.size):
            if number == 0:
                longer = av.Packet(b"".join(len(unit).to_bytes(4, "big") + unit for unit in sets) + bytes(packet))
                longer.pts, longer.dts, longer.time_base = packet.pts, packet.dts, packet.time_base
                longer.is_keyframe = True
                packet = longer
            packet.stream = copied
            container.mux(packet)
    with av.open(str(inband)) as container:
        assert lacks_parameter_sets(codec, container.streams.video[0].codec_context.extradata)
    result = put(inband, out)
    assert result.copied
    assert result.video_packet_hash_in == result.video_packet_hash_out
    assert tag_of(out) == ("hvc1" if settings is HEVC else "avc1")
    check_frames(out)
    with av.open(str(out)) as container:
        found = container.streams.video[0].codec_context.extradata
    assert found is not None
    assert not lacks_parameter_sets(codec, found)
    assert [unit for unit in split(codec, found)[0] if unit not in sets] == []


def split(codec: str, record: bytes) -> tuple[list[bytes], bytes]:
    """The sets of an avcC or hvcC record, SEI left out, and the record without them."""
    units = []
    place = 5 if codec == "h264" else 23
    for _ in range(2 if codec == "h264" else record[22]):
        if codec == "h264":
            count, kind, place = record[place] & 31, 7, place + 1
        else:
            kind, count, place = record[place] & 63, int.from_bytes(record[place + 1 : place + 3], "big"), place + 3
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2], "big")
            if kind in (7, 32, 33, 34):
                units.append(record[place + 2 : place + 2 + size])
            place += 2 + size
    return units, record[:5] + b"\xe0\x00" if codec == "h264" else record[:22] + b"\x00"


def test_a_stream_without_parameter_sets_is_none_of_them() -> None:
    assert not lacks_parameter_sets("vp9", None)
    assert lacks_parameter_sets("hevc", None)
    assert not lacks_parameter_sets("h264", b"\0\0\0\1\x67")
    empty = bytes([1, 100, 0, 10, 0xFF, 0xE0, 0])
    assert lacks_parameter_sets("h264", empty)
    assert with_parameter_sets("h264", empty, b"\0\0\0\5\x65abc") is None  # a picture, and cut short
    assert with_parameter_sets("h264", None, b"") is None


def test_the_index_comes_first(tmp_path: Path) -> None:
    """So that a browser plays before it has the whole file."""
    clip = make_clip(tmp_path / "in.mkv", H264)
    for name in ("out.mp4", "out.mov"):
        put(clip, tmp_path / name)
        data = (tmp_path / name).read_bytes()
        assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_dolby_vision_is_kept(tmp_path: Path) -> None:
    """Phones add it to HEVC as a box of its own: here profile 8.4, made by hand."""
    path = make_clip(tmp_path / "in.mp4", HEVC)
    box = (32).to_bytes(4, "big") + b"dvvC" + bytes([1, 0, 8 << 1, 1 << 3 | 5, 4 << 4]) + bytes(19)
    path.write_bytes(with_box(path.read_bytes(), box))
    put(path, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes().count(box) == 1


def with_box(data: bytes, box: bytes) -> bytes:
    """An mp4 file whose index is at its end, with a box more in its first sample entry."""
    grown = bytearray(data)
    place = grown.index(b"hvcC") - 4
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hev1"):
        start = data.index(name) - 4
        grown[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + len(box)).to_bytes(4, "big")
    grown[place:place] = box
    return bytes(grown)
