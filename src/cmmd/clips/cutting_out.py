"""Cuts a stretch of a clip into a new file, with picture and sound (ours).

Packets can only be copied from a key frame on, so the stretch is encoded: H.264 and FLAC in MP4. A later result can
copy this picture unchanged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from cmmd.clips.decoding import Picture, decode_pictures
from cmmd.clips.display_rgb import display_rgb
from cmmd.clips.encoding import MP4, Colours, PictureEncoder, SoundEncoder, open_output
from cmmd.clips.encoding_again import shown_size
from cmmd.clips.packet_scan import scan_packets
from cmmd.clips.stereo import FULL_RATE, read_stereo
from cmmd.clips.stream_choice import Streams, choose_streams
from cmmd.clips.writing import write_sound
from cmmd.errors import InputError
from cmmd.files.unfinished_file import atomic_file

PICTURE_SUFFIX, SOUND_SUFFIX = ".mp4", ".flac"


@dataclass(frozen=True, slots=True)
class _Cut:
    """A stretch to cut.

    zero: start of the stretch on the container's clock. span: its length. usual: usual distance between two pictures.
    All in seconds.
    """

    source: Path
    streams: Streams
    zero: Fraction
    span: Fraction
    usual: Fraction


def cut_out(source: Path, out: Path, *, start: float | int, end: float | int | None) -> Path:
    """Writes the picture and sound of `source` from `start` to `end` and returns the path of the file.

    Times are in seconds from the first picture, or from the start of the sound if there is no picture. Without `end`
    the stretch ends with the source. The file is `out` with the suffix .mp4, or .flac for a source without picture.

    Raises InputError if the file cannot be read or written, or ends before `start`.
    """
    streams = choose_streams(source)
    begin = _exact(start)
    span = None if end is None else _exact(end) - begin
    if streams.video is None:
        return _cut_sound(source, out.with_suffix(SOUND_SUFFIX), begin, span)
    scan = scan_packets(source, streams.video)
    assert scan is not None, "a stream with a decoded frame has packets"
    left = scan.end_seconds - streams.origin - begin
    span = left if span is None else min(left, span)
    if span <= 0:
        raise _too_short(source, begin)
    sound = read_stereo(source, start=begin, seconds=span)
    cut = _Cut(source, streams, streams.origin + begin, span, scan.gap * scan.time_base)
    path = out.with_suffix(PICTURE_SUFFIX)
    with atomic_file(path) as temporary:
        _encode(cut, temporary, None if sound is None else sound.waveform.clip(-1, 1))
    return path


def _cut_sound(source: Path, path: Path, begin: Fraction, span: Fraction | None) -> Path:
    sound = read_stereo(source, start=begin, seconds=span)
    assert sound is not None, "a file that can be read has picture or sound"
    if not sound.end:
        raise _too_short(source, begin)
    write_sound(sound.waveform[:, : round(sound.end * FULL_RATE)].clip(-1, 1), path, sample_rate=FULL_RATE)
    return path


def _encode(cut: _Cut, temporary: Path, sound: np.ndarray | None) -> None:
    """Writes the stretch. sound: float32 (2, s) at `FULL_RATE`, or None."""
    assert cut.streams.first_picture is not None
    width, height = shown_size(cut.streams)
    colours = Colours.of(cut.streams.first_picture.frame)
    with open_output(temporary, MP4.format) as container:
        pictures = PictureEncoder(
            container, MP4.video_codec, width=width, height=height, rate=1 / cut.usual, colours=colours
        )
        track = None if sound is None else SoundEncoder(container, "flac", sound, FULL_RATE)
        for shown in _shown(cut):
            pictures.add(cut.streams.turn.apply(display_rgb(shown.frame).pixels), shown.time, shown.duration)
            if track is not None:
                track.encode_until(shown.time)
        pictures.finish()
        if track is not None:
            track.finish()


def _shown(cut: _Cut) -> Iterator[Picture]:
    """Yields the pictures of the stretch, with times relative to its start.

    The last picture lasts the usual time and ends with the stretch. For this it is moved by at most half of the usual
    time, or shown again. The reason: MP4 with B-frames can store no other duration for the last picture, and readers
    take a short duration for an error.
    """
    assert cut.streams.video is not None
    held: Picture | None = None
    earliest = Fraction(0)
    for picture in decode_pictures(cut.source, cut.streams.video, begin=cut.zero):
        time = picture.time - cut.zero
        if held is not None and cut.span - time <= cut.usual / 2:
            break
        if time + picture.duration <= 0:
            continue
        if held is not None:
            yield held._replace(duration=time - held.time)
            earliest = (held.time + time) / 2
        held = picture._replace(time=max(time, Fraction(0)))
    if held is None:
        return
    for before in (2, 1):  # at most two repeats: the distance between the last two pictures must be the usual one, too
        if cut.span - held.time > (before + Fraction(1, 2)) * cut.usual:
            time = cut.span - before * cut.usual
            yield held._replace(duration=time - held.time)
            held, earliest = held._replace(time=time), time
    time = max(cut.span - cut.usual, earliest) if earliest else Fraction(0)
    yield held._replace(time=time, duration=cut.span - time)


def _too_short(source: Path, begin: Fraction) -> InputError:
    found = f"an end before {float(begin):g} s"
    return InputError.about(source, found=found, expected="a clip that goes on there")


def _exact(seconds: float | int) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)
