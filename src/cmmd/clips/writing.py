"""Clips into files: sound under an untouched video, generated video, sound alone (ours).

Everything is written beside its target and renamed when complete, and the same input gives the same bytes.
"""

import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from cmmd.clips.decoding import decode_pictures
from cmmd.clips.encoding import (
    ContainerKind,
    PictureEncoder,
    SoundEncoder,
    container_kind,
    open_output,
    to_16_bit,
)
from cmmd.clips.opening import reason as in_words
from cmmd.clips.packet_scan import PacketScan, scan_packets
from cmmd.clips.picture_fit import upright_rgb
from cmmd.clips.stream_choice import Streams, choose_streams
from cmmd.clips.stream_copy import copy_with_sound, obstacle
from cmmd.errors import InputError
from cmmd.unfinished_file import written_beside

SOUND_ALONE = (".wav", ".flac")


@dataclass(frozen=True, slots=True)
class Muxed:
    """What became of the video stream.

    copied: its packets were stream-copied. The hashes are sha256 over the payload bytes of all video packets, as read
    from the source and as read back from the result. They differ after encoding, and also where the container stores
    the same stream in another framing (H.264 from AVI or MPEG-TS, some VP9 in mp4). reason: why it was encoded anew,
    None if it was copied.
    """

    copied: bool
    video_packet_hash_in: str | None
    video_packet_hash_out: str | None
    reason: str | None = None


def write_sound_under_video(source: str | Path, waveform: np.ndarray, out: str | Path, *, sample_rate: int) -> Muxed:
    """Write the video of `source` with `waveform` as its only sound.

    The waveform, float (s,) mono in [-1, 1], begins when the first video frame is shown; it is cut or filled with
    silence to the length of the video. The suffix of `out` decides the container (.mp4, .m4v, .mov, .mkv with AAC,
    .webm with Opus). Video packets are copied where the container allows, otherwise encoded as H.264 (VP9 in .webm).
    Raises InputError for a source without video, a bad suffix or place, or an `out` that is the source; ValueError for
    a waveform of another shape, not finite, or beyond 1.
    """
    source, out = Path(source), Path(out)
    kind, waveform = container_kind(out), _checked(waveform, sample_rate)
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError.about(out, found="the source itself", expected="another file to write")
    streams = choose_streams(source)
    if streams.video is None:
        raise InputError.about(source, found="no video that can be decoded", expected="a video to put sound under")
    scan = scan_packets(source, streams.video)
    assert scan is not None, "a stream with a decoded frame has packets"
    waveform = _fit_length(waveform, round((scan.end_seconds - streams.origin) * sample_rate))
    reason = obstacle(scan, kind)
    with written_beside(out) as beside:
        if reason is None:
            reason = _try_copy(source, streams, scan, beside, kind, waveform, sample_rate)
        if reason is not None:
            _encode_again(source, streams, scan, beside, kind, waveform, sample_rate)
        result = scan_packets(beside, choose_streams(beside).video or 0)
        assert result is not None, "a file just written has video packets"
    return Muxed(reason is None, scan.payload_hash, result.payload_hash, reason)


def write_video(
    frames: np.ndarray,
    out: str | Path,
    *,
    fps: float | int,
    waveform: np.ndarray | None = None,
    sample_rate: int | None = None,
) -> None:
    """Encode frames, uint8 (f, h, w, 3) at `fps` Hz, as H.264 yuv420p (VP9 in .webm), with sound if there is any.

    The waveform is float (s,) mono in [-1, 1] at `sample_rate` Hz and is written in full. Odd sizes grow by a repeated
    edge. Raises InputError for a bad suffix or place, ValueError for arrays of another shape or a waveform beyond 1.
    """
    out = Path(out)
    kind = container_kind(out)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise ValueError(f"frames: found {frames.dtype} {frames.shape}, expected uint8 (f, h, w, 3) with f > 0")
    if (waveform is None) != (sample_rate is None):
        raise ValueError("waveform and sample_rate: found only one of them, expected both or none")
    rate = Fraction(fps).limit_denominator(1001)
    with written_beside(out) as beside, open_output(beside, kind.format) as container:
        pictures = PictureEncoder(container, kind.video_codec, width=frames.shape[2], height=frames.shape[1], rate=rate)
        sound = None
        if waveform is not None and sample_rate is not None:
            waveform = _checked(waveform, sample_rate)
            sound = SoundEncoder(container, kind.sound_codec, waveform, sample_rate, encoded_rate=kind.sound_rate)
        for number, picture in enumerate(frames):
            pictures.add(picture, number / rate, 1 / rate)
            if sound is not None:
                sound.encode_until((number + 1) / rate)
        pictures.finish()
        if sound is not None:
            sound.finish()


def write_sound(waveform: np.ndarray, out: str | Path, *, sample_rate: int) -> None:
    """Write a waveform, float (s,) mono in [-1, 1] at `sample_rate` Hz, as 16 bit .wav or .flac.

    Raises InputError for another suffix or a bad place, ValueError for a waveform of another shape or beyond 1.
    """
    out, waveform = Path(out), _checked(waveform, sample_rate)
    suffix = out.suffix.lower()
    if suffix not in SOUND_ALONE:
        raise InputError.about(out, found=f"the suffix {out.suffix!r}", expected=".wav or .flac")
    with written_beside(out) as beside:
        if suffix == ".wav":
            with wave.open(str(beside), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(sample_rate)
                file.writeframes(to_16_bit(waveform).astype("<i2").tobytes())
        else:
            with open_output(beside, "flac") as container:
                SoundEncoder(container, "flac", waveform, sample_rate).finish()


def _try_copy(
    source: Path,
    streams: Streams,
    scan: PacketScan,
    beside: Path,
    kind: ContainerKind,
    waveform: np.ndarray,
    sample_rate: int,
) -> str | None:
    """Copy, or say why the container does not take the stream."""
    assert streams.video is not None
    try:
        with open_output(beside, kind.format) as out:
            copy_with_sound(
                source, streams.video, scan, streams.origin, out, kind=kind, waveform=waveform, sample_rate=sample_rate
            )
    except (FFmpegError, ValueError) as error:
        return f"{kind.format} does not take the stream ({in_words(error)})"
    return None


def _encode_again(
    source: Path,
    streams: Streams,
    scan: PacketScan,
    beside: Path,
    kind: ContainerKind,
    waveform: np.ndarray,
    sample_rate: int,
) -> None:
    """Decode and encode the video, turned upright, with every frame at its own time."""
    assert streams.video is not None
    assert streams.first_picture is not None
    first: VideoFrame = streams.first_picture.frame
    height, width = upright_rgb(first, streams.turn).shape[:2]
    if abs(streams.pixel_aspect - 1) > Fraction(1, 100):  # square pixels need no word that a player may not heed
        if streams.turn.transpose:
            height = max(1, round(height * streams.pixel_aspect))
        else:
            width = max(1, round(width * streams.pixel_aspect))
    rate = 1 / (scan.gap * scan.time_base)
    with open_output(beside, kind.format) as out:
        pictures = PictureEncoder(out, kind.video_codec, width=width, height=height, rate=rate)
        sound = SoundEncoder(out, kind.sound_codec, waveform, sample_rate, encoded_rate=kind.sound_rate)
        for picture in decode_pictures(source, streams.video):
            time = picture.time - streams.origin
            pictures.add(upright_rgb(picture.frame, streams.turn), time, picture.duration)
            sound.encode_until(time)
        pictures.finish()
        sound.finish()


def _checked(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """The waveform as float32, or ValueError: limiting is the caller's business."""
    if waveform.ndim != 1 or not np.issubdtype(waveform.dtype, np.floating) or sample_rate <= 0:
        found = f"{waveform.dtype} {waveform.shape} at {sample_rate} Hz"
        raise ValueError(f"waveform: found {found}, expected float (s,) at a rate above 0")
    peak = float(np.abs(waveform).max()) if waveform.size else 0.0
    if not peak <= 1:
        raise ValueError(f"waveform: found a peak of {peak:.4g}, expected at most 1")
    return np.ascontiguousarray(waveform, np.float32)


def _fit_length(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Cut or fill with silence."""
    return np.pad(waveform[:samples], (0, max(0, samples - len(waveform))))
