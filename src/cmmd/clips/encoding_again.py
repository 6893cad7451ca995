"""Decodes the video of a file, encodes it again and muxes it with a waveform, where packets cannot be copied (ours)."""

from fractions import Fraction

import numpy as np
from av.container import OutputContainer

from cmmd.clips.decoding import decode_pictures
from cmmd.clips.display_rgb import display_rgb
from cmmd.clips.encoding import Colours, PictureEncoder
from cmmd.clips.mux_job import MuxJob, MuxNotes
from cmmd.clips.side_streams import side_streams
from cmmd.clips.sound_tracks import SoundTracks
from cmmd.clips.stream_choice import Streams
from cmmd.clips.tone_mapping import transfer_of


def encode_with_sound(job: MuxJob, out: OutputContainer) -> MuxNotes:
    """Writes the upright video with the original time of every picture, the waveform from the origin on, and the side
    streams. Returns what changed and what was left out."""
    streams, kind, gap = job.streams, job.kind, job.scan.gap * job.scan.time_base
    assert streams.video is not None and streams.first_picture is not None
    first = streams.first_picture.frame
    width, height = shown_size(streams)
    pictures = PictureEncoder(
        out, kind.video_codec, width=width, height=height, rate=1 / gap, colours=Colours.of(first)
    )
    sound = SoundTracks(out, job)
    pixels, time, end, transparent = np.zeros((height, width, 3), np.uint8), Fraction(0), Fraction(0), False
    with side_streams(job, out, copied=False) as others:
        for picture in decode_pictures(job.source, streams.video):
            shown = display_rgb(picture.frame)
            transparent |= shown.transparent
            time = picture.time - streams.origin
            pixels, end = streams.turn.apply(shown.pixels), min(time + picture.duration, job.seconds)
            pictures.add(pixels, time, end - time)
            sound.encode_until(time)
            others.write_until(time)
        if end - time > 2 * gap:  # MP4 with B-frames stores no unusual duration of the last picture
            pictures.add(pixels, end - gap, gap)
        pictures.finish()
        sound.finish()
        others.finish()
    changes = ["what was transparent became black"] if transparent else []
    if transfer := transfer_of(first):
        changes.append(f"high dynamic range ({transfer.upper()}) became an ordinary one (BT.709)")
    return MuxNotes(changes, others.left_out)


def shown_size(streams: Streams) -> tuple[int, int]:
    """Returns (width, height) of the upright picture with square pixels. Some players ignore a stated pixel aspect."""
    assert streams.first_picture is not None
    frame = streams.first_picture.frame
    width = frame.width
    if abs(streams.pixel_aspect - 1) > Fraction(1, 100):
        width = max(1, round(frame.width * streams.pixel_aspect))
    return (frame.height, width) if streams.turn.transpose else (width, frame.height)
