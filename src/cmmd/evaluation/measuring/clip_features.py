"""Features of single clips, measured before clips are compared (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from tqdm import tqdm

from cmmd.data.world.clip import FAMILIES
from cmmd.evaluation.backbones.backbone import Backbone, Embedding
from cmmd.evaluation.measuring.embedding_cache import EmbeddingCache
from cmmd.evaluation.measuring.media import SAMPLE_RATE, Media, Reading, read_all
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.measures.beat_agreement import beat_times
from cmmd.measures.motion import motion_peaks, motion_rests
from cmmd.measures.sound_onsets import RECORDINGS, OnsetSettings, sound_onsets
from cmmd.measures.visual_events import VisualEventDetector
from cmmd.runtime.worker_processes import Failure

SILENT = 1e-6
"""Peak amplitude up to which a sound counts as digital silence."""
Need = Literal["sound", "picture"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFeatures:
    """Features of one clip; times are in seconds, features of a missing modality are None.

    heard, sound_beats: onsets and beats of the sound. seen: events found by the visual event detector in world clips,
    motion peaks in other clips. moved: motion peaks. rests: motion minima. waveform: at 16 kHz. frames: uint8
    (f, h, w, 3). embeddings: by backbone name. given: the waveform at the sample rate of the evaluated model.
    """

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
    """features: by clip name, in the order of the listing. failures: reason by name, for clips without features."""

    features: dict[str, ClipFeatures]
    failures: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipMeasurer:
    """Reads and measures listed clips. Each backbone is applied to the sound or to the frames, by its modality."""

    reading: Reading
    detector: VisualEventDetector
    backbones: tuple[Backbone, ...]
    workers: int | None
    cache: EmbeddingCache | None = None

    def __call__(self, clips: Sequence[ListedClip], bar: tqdm, *, cached: bool = False) -> MeasuredClips:
        """Measures clips. cached: loads the embeddings of exactly these clips from the cache, or saves them there."""
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
            except ValueError as error:  # a clip too short for a backbone does not stop the others
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
    """Returns in one line why a clip lacks one of the needed modalities; "" if it has all of them."""
    name = features.clip.file.name
    if "sound" in needs and features.waveform is None:
        return f"{name}: found no sound, expected a clip with sound"
    if "sound" in needs and features.waveform is not None and np.abs(features.waveform).max(initial=0) <= SILENT:
        return f"{name}: found digital silence, expected sound"
    if "picture" in needs and features.frames is None:
        return f"{name}: found no picture, expected a clip with video"
    return ""


def heard_onsets(waveform: np.ndarray, *, world: bool) -> np.ndarray:
    """Onset times (s) of a 16 kHz waveform. Recordings (not world) use other settings, because they reverberate."""
    settings = OnsetSettings() if world else RECORDINGS
    return sound_onsets(waveform, sample_rate=SAMPLE_RATE, settings=settings).times
