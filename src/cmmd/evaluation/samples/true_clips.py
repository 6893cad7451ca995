"""World clips with known events, and what the detectors find in them (ours)."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from torch import Tensor

from cmmd.data.world.clip import FPS, IMAGE_SIZE, PLAIN_FAMILIES, SAMPLE_RATE, Family, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip
from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import VisualEventDetector, load_visual_event_detector

FamilyChoice = Literal["impacts", "dance", "hits", "both"]
WORLD_SEED = 1_000_000
"""Seed of the first clip, far from the seeds that the recipes train on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldSet:
    """A set of world clips: `clips` clips a family, with the seeds from `seed` on. The family `both` is impacts and
    dance."""

    family: FamilyChoice = "both"
    split: Split = "standard"
    clips: int = 300
    seed: int = WORLD_SEED

    @property
    def families(self) -> tuple[Family, ...]:
        return PLAIN_FAMILIES if self.family == "both" else (self.family,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """True clips, the event times (s) detected in their sounds and frames, and the embeddings of their sounds."""

    clips: list[WorldClip]
    heard: list[np.ndarray]
    seen: list[np.ndarray]
    vectors: list[Tensor]
    detector: VisualEventDetector
    backbone: Backbone | None

    @classmethod
    def join(cls, truths: "list[Truth]") -> "Truth":
        """Concatenates the clips of all truths."""
        lists = ("clips", "heard", "seen", "vectors")
        return replace(truths[0], **{name: [item for one in truths for item in getattr(one, name)] for name in lists})


def true_clips(
    world: WorldSet,
    *,
    backbone: Backbone | None = None,
    detector: VisualEventDetector | None = None,
    fps: int = FPS,
    image_size: int = IMAGE_SIZE,
) -> dict[str, Truth]:
    """Returns the true clips of each family. backbone: an audio network at the world's sample rate; its embeddings give
    an additional Frechet distance. detector: of visual events; None for the shipped one."""
    detector, truths = detector or load_visual_event_detector(), {}
    for family in world.families:
        seeds = range(world.seed, world.seed + world.clips)
        clips = [world_clip(family, seed, split=world.split, fps=fps, image_size=image_size) for seed in seeds]
        waveforms = [clip.waveform for clip in clips]
        truths[family] = Truth(
            clips=clips,
            heard=onsets_of(waveforms),
            seen=[detector.times(clip.frames, fps=clip.fps) for clip in clips],
            vectors=embeddings(waveforms, backbone),
            detector=detector,
            backbone=backbone,
        )
    return truths


def onsets_of(waveforms: list[np.ndarray]) -> list[np.ndarray]:
    """Onset times (s) of sounds at the world's sample rate."""
    return [sound_onsets(waveform, sample_rate=SAMPLE_RATE).times for waveform in waveforms]


def embeddings(waveforms: list[np.ndarray], backbone: Backbone | None) -> list[Tensor]:
    """Returns the embeddings of each sound, (windows, dimensions); an empty list without a network."""
    return [] if backbone is None else [backbone.embed(waveform).vectors for waveform in waveforms]
