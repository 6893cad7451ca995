"""What is measured on one clip by itself, before any two are compared (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from tqdm import tqdm

from cmmd.data.world.clip import FAMILIES
from cmmd.evaluation.backbones.backbone import Backbone, Embedding
from cmmd.evaluation.embedding_cache import EmbeddingCache
from cmmd.evaluation.media import SAMPLE_RATE, Media, Reading, read_all
from cmmd.evaluation.pairing import ListedClip
from cmmd.measures.beat_agreement import beat_times
from cmmd.measures.motion import motion_peaks, motion_rests
from cmmd.measures.sound_onsets import RECORDINGS, OnsetSettings, sound_onsets
from cmmd.measures.visual_events import VisualEventDetector
from cmmd.worker_processes import Failure

SILENT = 1e-6
"""Peak at or below which a sound is digital silence."""
Need = Literal["sound", "picture"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFeatures:
    """Times in seconds. heard, sound_beats: of its sound, None without. seen: by the detector of visual events in the
    world, elsewhere the moments of most motion; moved: those in any clip; rests: moments of least motion; None without
    a picture. waveform (16 kHz) and frames: None where there are none. embeddings: by backbone. given: the waveform at
    the rate of the model that is measured."""

    clip: ListedClip
    seconds: float
    heard: np.ndarray | None
    sound_beats: np.ndarray | None
    seen: np.ndarray | None
    moved: np.ndarray | None
    rests: np.ndarray | None
    waveform: np.ndarray | None
    frames: np.ndarray | None
    embeddings: dict[str, Embedding]
    given: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class MeasuredClips:
    """Features by clip name in the order of the listing, and the reasons why others have none."""

    features: dict[str, ClipFeatures]
    failures: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipMeasurer:
    """Reads and measures listed clips. `backbones` are applied to what they are for, sound or picture."""

    reading: Reading
    detector: VisualEventDetector
    backbones: tuple[Backbone, ...]
    workers: int | None
    cache: EmbeddingCache | None = None

    def __call__(self, clips: Sequence[ListedClip], bar: tqdm, *, cached: bool = False) -> MeasuredClips:
        """`cached`: look for embeddings of exactly these clips, and keep those that had to be made."""
        places = {}
        known: dict[str, dict[str, Embedding]] = {}
        if cached and self.cache is not None:
            places = {b.name: self.cache.path(clips, b, self.reading) for b in self.backbones if b.sha256}
            known = {name: self.cache.load(path) for name, path in places.items()}
        features, failures = {}, {}
        for clip, media in zip(
            clips, read_all([c.file for c in clips], self.reading, workers=self.workers), strict=True
        ):
            bar.update()
            if isinstance(media, Failure):
                failures[clip.name] = media.reason
                continue
            try:
                embeddings = self._embeddings(clip, media, known)
            except ValueError as error:  # a clip that is too short for a backbone fails alone
                failures[clip.name] = str(error)
                continue
            features[clip.name] = replace(self._features(clip, media), embeddings=embeddings)
        for name, path in places.items():
            made = {clip: item.embeddings[name] for clip, item in features.items() if name in item.embeddings}
            if self.cache is not None and made and not known[name]:
                self.cache.save(path, made)
        return MeasuredClips(features, failures)

    def _embeddings(
        self, clip: ListedClip, media: Media, known: dict[str, dict[str, Embedding]]
    ) -> dict[str, Embedding]:
        embeddings = {}
        for backbone in self.backbones:
            given = media.frames if backbone.modality == "video" else media.sounds.get(backbone.sample_rate)
            if given is not None:
                had = known.get(backbone.name, {}).get(clip.name)
                embeddings[backbone.name] = backbone.embed(given) if had is None else had
        return embeddings

    def _features(self, clip: ListedClip, media: Media) -> ClipFeatures:
        world, fps = clip.group in FAMILIES, self.reading.fps
        waveform, frames = media.sounds.get(SAMPLE_RATE), media.frames
        moved = None if frames is None else motion_peaks(frames, fps=fps)
        return ClipFeatures(
            clip=clip,
            seconds=media.seconds,
            heard=None if waveform is None else heard_onsets(waveform, world=world),
            sound_beats=None if waveform is None else beat_times(waveform, sample_rate=SAMPLE_RATE),
            seen=self.detector.times(frames, fps=fps) if world and frames is not None else moved,
            moved=moved,
            rests=None if frames is None else motion_rests(frames, fps=fps),
            waveform=waveform,
            given=media.sounds.get(self.reading.model_rate),
            frames=frames,
            embeddings={},
        )


def lacking(features: ClipFeatures, needs: Sequence[Need]) -> str:
    """Why a clip cannot be measured that must have sound or picture, in one line; "" where it can."""
    name = features.clip.file.name
    if "sound" in needs and features.waveform is None:
        return f"{name}: found no sound, expected a clip with sound"
    if "sound" in needs and features.waveform is not None and np.abs(features.waveform).max(initial=0) <= SILENT:
        return f"{name}: found digital silence, expected sound"
    if "picture" in needs and features.frames is None:
        return f"{name}: found no picture, expected a clip with video"
    return ""


def heard_onsets(waveform: np.ndarray, *, world: bool) -> np.ndarray:
    """Onset times; real recordings, with their reverberation, have settings of their own."""
    settings = OnsetSettings() if world else RECORDINGS
    return sound_onsets(waveform, sample_rate=SAMPLE_RATE, settings=settings).times
