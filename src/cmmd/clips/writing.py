"""Writes clips to files: sound with an unchanged video, generated video, sound alone (ours).

Every file is written under a temporary name in the target folder and renamed when complete. The same input gives the
same bytes.
"""

import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from cmmd.clips.browser_playback import codec_of, not_played
from cmmd.clips.encoding import (
    CODEC_TITLES,
    PictureEncoder,
    SoundEncoder,
    container_kind,
    open_output,
    takes,
    to_16_bit,
)
from cmmd.clips.encoding_again import encode_with_sound
from cmmd.clips.mux_job import MuxJob, MuxNotes
from cmmd.clips.opening import open_media
from cmmd.clips.opening import reason as in_words
from cmmd.clips.packet_scan import scan_packets
from cmmd.clips.side_streams import metadata_left_out
from cmmd.clips.stereo import read_stereo
from cmmd.clips.stream_choice import choose_streams
from cmmd.clips.stream_copy import copy_with_sound, obstacle
from cmmd.clips.timeline import LONGEST_HOLD
from cmmd.errors import InputError
from cmmd.files.unfinished_file import atomic_file

SOUND_ALONE = (".wav", ".flac")


@dataclass(frozen=True, slots=True)
class Muxed:
    """What was done to the video stream.

    copied: its packets were stream-copied. video_packet_hash_in, video_packet_hash_out: sha256 over the payload bytes
    of all video packets, read from the source and read back from the result. They differ after encoding, and also where
    the container stores the same stream with different framing (H.264 from AVI or MPEG-TS, some VP9 in mp4). reason:
    why the video was encoded; None if it was copied. codec: of the encoded video; None if it was copied. notes: other
    changes and what was left out, one sentence each.
    """

    copied: bool
    video_packet_hash_in: str | None
    video_packet_hash_out: str | None
    reason: str | None = None
    codec: str | None = None
    notes: tuple[str, ...] = ()


def write_sound_under_video(
    source: str | Path,
    waveform: np.ndarray,
    out: str | Path,
    *,
    sample_rate: int,
    for_browsers: bool = False,
    keep_sound: bool = False,
    alone: bool = False,
) -> Muxed:
    """Writes the video of `source` with `waveform` instead of its sound.

    The waveform, float (s,) mono or (2, s) stereo in [-1, 1] at `sample_rate` Hz, begins with the first video frame. It
    is cut or padded with silence to the length of the video. The suffix of `out` selects the container (.mp4, .m4v,
    .mov, .mkv with AAC, .webm with Opus).

    Video packets are copied if the container allows it. Otherwise the video is encoded as H.264 (VP9 in .webm), in
    ordinary dynamic range, with black behind transparent pixels. for_browsers: also encode video that no browser plays.
    Subtitles, further sound tracks, chapters, metadata and attachments are copied where the container accepts them
    unchanged. keep_sound: retain the replaced sound as an additional track; if the container does not accept it, it is
    encoded as stereo. alone: leave out all other streams, chapters and metadata of the source.

    Raises InputError if the source cannot be read, has no video or has implausible times, or if `out` has an unknown
    suffix, cannot be written or is the source. Raises ValueError if the waveform has another shape, is not finite or
    exceeds 1.
    """
    source, out = Path(source), Path(out)
    job = _mux_job(source, out, _checked(waveform, sample_rate), sample_rate, keep_sound=keep_sound)
    job = replace(job, alone=alone)
    with atomic_file(out) as temporary:
        reason, notes = _copy_or_encode(job, temporary, for_browsers=for_browsers)
        result = scan_packets(temporary, choose_streams(temporary).video or 0)
        assert result is not None, "a file just written has video packets"
    codec = None if reason is None else CODEC_TITLES[job.kind.video_codec]
    return Muxed(reason is None, job.scan.payload_hash, result.payload_hash, reason, codec, tuple(notes))


def write_video(
    frames: np.ndarray,
    out: str | Path,
    *,
    fps: float | int,
    waveform: np.ndarray | None = None,
    sample_rate: int | None = None,
) -> None:
    """Encodes frames, uint8 (f, h, w, 3) at `fps` Hz, as H.264 yuv420p (VP9 in .webm), with optional sound.

    The waveform, float (s,) mono or (2, s) stereo in [-1, 1] at `sample_rate` Hz, is written in full. Odd sizes are
    padded by repeating the edge. Raises InputError if `out` has an unknown suffix or cannot be written. Raises
    ValueError for arrays of another shape, a waveform beyond 1, or a waveform without its sample rate.
    """
    out = Path(out)
    kind = container_kind(out)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise ValueError(f"frames: found {frames.dtype} {frames.shape}, expected uint8 (f, h, w, 3) with f > 0")
    if (waveform is None) != (sample_rate is None):
        raise ValueError("waveform and sample_rate: found only one of them, expected both or none")
    rate = Fraction(fps).limit_denominator(1001)
    with atomic_file(out) as temporary, open_output(temporary, kind.format) as container:
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
    """Writes a waveform, float (s,) mono or (2, s) stereo in [-1, 1] at `sample_rate` Hz, as 16-bit .wav or .flac.

    Raises InputError if `out` has another suffix or cannot be written. Raises ValueError if the waveform has another
    shape or exceeds 1.
    """
    out, waveform = Path(out), _checked(waveform, sample_rate)
    suffix = out.suffix.lower()
    if suffix not in SOUND_ALONE:
        raise InputError.about(out, found=f"the suffix {out.suffix!r}", expected=".wav or .flac")
    with atomic_file(out) as temporary:
        if suffix == ".wav":
            with wave.open(str(temporary), "wb") as file:
                file.setnchannels(len(np.atleast_2d(waveform)))
                file.setsampwidth(2)
                file.setframerate(sample_rate)
                file.writeframes(to_16_bit(waveform.T).astype("<i2").tobytes())
        else:
            with open_output(temporary, "flac") as container:
                SoundEncoder(container, "flac", waveform, sample_rate).finish()


def _mux_job(source: Path, out: Path, waveform: np.ndarray, sample_rate: int, *, keep_sound: bool) -> MuxJob:
    """Checks the arguments and returns the job. Raises InputError as `write_sound_under_video` does."""
    kind = container_kind(out)
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError.about(out, found="the source itself", expected="another file to write")
    streams = choose_streams(source)
    if streams.video is None:
        raise InputError.about(source, found="no video that can be decoded", expected="a video to put sound under")
    scan = scan_packets(source, streams.video)
    assert scan is not None, "a stream with a decoded frame has packets"
    seconds = scan.end_seconds - streams.origin
    if seconds > LONGEST_HOLD + Fraction(waveform.shape[-1], sample_rate):
        found = f"{float(seconds):.0f} s by the times of its packets"
        raise InputError.about(source, found=found, expected="a clip that goes on")
    job = MuxJob(
        source=source,
        streams=streams,
        scan=scan,
        kind=kind,
        waveform=_fit_length(waveform, round(seconds * sample_rate)),
        sample_rate=sample_rate,
        keep_sound=keep_sound,
    )
    return _encoding_old_sound(job) if keep_sound and not _old_sound_fits(job) else job


def _copy_or_encode(job: MuxJob, temporary: Path, *, for_browsers: bool) -> tuple[str | None, list[str]]:
    """Writes the file with the video packets copied, or encoded where that is not possible. Returns why the video was
    encoded (None if it was copied) and the notes."""
    reason = obstacle(job.scan, job.kind) or _refused(job, for_browsers=for_browsers)
    if reason is None:
        try:
            return None, _with_the_rest(copy_with_sound, job, temporary)
        except (FFmpegError, ValueError) as error:
            reason = f"{job.kind.format} does not take the stream ({in_words(error)})"
    return reason, _with_the_rest(encode_with_sound, job, temporary)


def _refused(job: MuxJob, *, for_browsers: bool) -> str | None:
    """Returns why the codec must be changed, or None."""
    with open_media(job.source) as container:
        stream = container.streams[job.streams.video or 0]
        assert isinstance(stream, VideoStream)
        if not takes(job.kind, stream):
            return f"{job.kind.format} does not take {codec_of(stream)}"
        return not_played(stream) if for_browsers else None


def _with_the_rest(write: Callable[[MuxJob, OutputContainer], MuxNotes], job: MuxJob, temporary: Path) -> list[str]:
    """Writes a file with the side streams of its source and returns the notes. If that fails, writes it again, with the
    old sound encoded or without side streams."""
    try:
        with open_output(temporary, job.kind.format) as out:
            notes = write(job, out)
    except (FFmpegError, ValueError):
        if job.keep_sound and job.old_sound is None:
            return _with_the_rest(write, _encoding_old_sound(job), temporary)
        with open_output(temporary, job.kind.format) as out:
            notes = write(replace(job, alone=True), out)
    counts = Counter([*notes.left_out, *metadata_left_out(job.source, temporary)])
    left_out = [f"{phrase} x {count}" if count > 1 else phrase for phrase, count in counts.items()]
    return [*notes.changes, *([f"left out: {', '.join(left_out)}"] if left_out else [])]


def _old_sound_fits(job: MuxJob) -> bool:
    """Whether there is no old sound, or the container accepts a copy of it."""
    if job.streams.audio is None:
        return True
    with open_media(job.source) as container:
        return takes(job.kind, container.streams[job.streams.audio])


def _encoding_old_sound(job: MuxJob) -> MuxJob:
    sound = read_stereo(job.source, seconds=job.seconds)
    old_sound = None if sound is None else sound.waveform.clip(-1, 1)
    return replace(job, old_sound=old_sound, keep_sound=old_sound is not None)


def _checked(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Returns the waveform as float32. Raises ValueError if it is invalid or exceeds 1: limiting is up to the
    caller."""
    shaped = waveform.ndim == 1 or (waveform.ndim == 2 and len(waveform) == 2)
    if not shaped or not np.issubdtype(waveform.dtype, np.floating) or sample_rate <= 0:
        found = f"{waveform.dtype} {waveform.shape} at {sample_rate} Hz"
        raise ValueError(f"waveform: found {found}, expected float (s,) or (2, s) at a rate above 0")
    peak = float(np.abs(waveform).max()) if waveform.size else 0.0
    if not peak <= 1:
        raise ValueError(f"waveform: found a peak of {peak:.4g}, expected at most 1")
    return np.ascontiguousarray(waveform, np.float32)


def _fit_length(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Cuts the last axis to `samples` or pads it with silence."""
    missing = max(0, samples - waveform.shape[-1])
    return np.pad(waveform[..., :samples], [(0, 0)] * (waveform.ndim - 1) + [(0, missing)])
