"""True clips with known events, and what the detectors of `cmmd score` find in them (ours)."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from cmmd.data.world.clip import SAMPLE_RATE, WorldClip
from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import VisualEventDetector


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """True clips, the event times (s) detected in their sounds and frames, and the embeddings of their sounds.

    count: number of clips that a model generates for the comparison.
    """

    count: int
    clips: list[WorldClip]
    heard: list[np.ndarray]
    seen: list[np.ndarray]
    vectors: list[Tensor]
    detector: VisualEventDetector
    backbone: Backbone | None

    @property
    def waveforms(self) -> list[np.ndarray]:
        return [clip.waveform for clip in self.clips]

    @property
    def frames(self) -> list[np.ndarray]:
        return [clip.frames for clip in self.clips]

    @property
    def known(self) -> list[np.ndarray]:
        """Known times of the events, in seconds."""
        return [clip.event_times for clip in self.clips]

    @classmethod
    def of(cls, clips: list[WorldClip], detector: VisualEventDetector, backbone: Backbone | None) -> "Truth":
        return cls(
            count=len(clips),
            clips=clips,
            heard=[sound_onsets(clip.waveform, sample_rate=SAMPLE_RATE).times for clip in clips],
            seen=[detector.times(clip.frames, fps=clip.fps) for clip in clips],
            vectors=embeddings([clip.waveform for clip in clips], backbone),
            detector=detector,
            backbone=backbone,
        )

    @classmethod
    def join(cls, truths: "list[Truth]") -> "Truth":
        """Concatenates the clips of all truths; `count` remains that of the first."""
        lists = {
            name: [item for truth in truths for item in getattr(truth, name)]
            for name in ("clips", "heard", "seen", "vectors")
        }
        return replace(truths[0], **lists)


def embeddings(waveforms: list[np.ndarray], backbone: Backbone | None) -> list[Tensor]:
    """Returns the embeddings of each sound, (windows, dimensions); an empty list without a network."""
    return [] if backbone is None else [backbone.embed(waveform).vectors for waveform in waveforms]
