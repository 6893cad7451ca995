"""The encoded sound tracks of a result: the new one, and the old one if it is retained but cannot be copied (ours)."""

from fractions import Fraction

from av.container import OutputContainer

from cmmd.clips.encoding import SoundEncoder
from cmmd.clips.mux_job import MuxJob
from cmmd.clips.stereo import FULL_RATE

OLD_SOUND = "original sound"
"""Title of the track with the old sound."""


class SoundTracks:
    """Encodes the sound tracks of a job into a container that already has its video stream."""

    def __init__(self, out: OutputContainer, job: MuxJob) -> None:
        kind = job.kind
        self._tracks = [
            SoundEncoder(out, kind.sound_codec, job.waveform, job.sample_rate, encoded_rate=kind.sound_rate)
        ]
        if job.old_sound is not None:
            self._tracks.append(SoundEncoder(out, kind.sound_codec, job.old_sound, FULL_RATE, title=OLD_SOUND))

    def encode_until(self, seconds: Fraction | float) -> None:
        """Writes the sound up to about `seconds` after its start."""
        for track in self._tracks:
            track.encode_until(seconds)

    def finish(self) -> None:
        """Writes the rest of the sound and flushes the encoders."""
        for track in self._tracks:
            track.finish()
