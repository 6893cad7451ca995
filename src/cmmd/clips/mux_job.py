"""Inputs and notes for muxing a waveform with the picture of a file, by stream copy or by encoding (ours)."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.clips.encoding import ContainerKind
from cmmd.clips.packet_scan import PacketScan
from cmmd.clips.stream_choice import Streams


@dataclass(frozen=True, kw_only=True, slots=True)
class MuxJob:
    """The source, its chosen streams, the packets of its picture, and the kind of container to write.

    waveform: float32 (s,) or (2, s) at `sample_rate` Hz, from the origin of the streams, as long as the picture.
    keep_sound: retain the old sound as an additional track, by copying. old_sound: float32 (2, s) at `FULL_RATE`; if
    given, it is encoded as the additional track instead. alone: leave out all other streams, chapters and metadata of
    the source.
    """

    source: Path
    streams: Streams
    scan: PacketScan
    kind: ContainerKind
    waveform: np.ndarray
    sample_rate: int
    keep_sound: bool = False
    old_sound: np.ndarray | None = None
    alone: bool = False

    @property
    def seconds(self) -> Fraction:
        """Length of the picture and of the result in seconds."""
        return self.scan.end_seconds - self.streams.origin


class MuxNotes(NamedTuple):
    """Notes about a result. changes: one sentence each. left_out: one phrase each."""

    changes: list[str]
    left_out: list[str]
