"""Measures of a generated clip against its reference, with chance and ceiling (ours)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.record.schema import Better, Direction, Metric
from cmmd.measures.alignment import derangement
from cmmd.measures.av_align import av_align
from cmmd.measures.beat_agreement import beat_agreement
from cmmd.measures.classifier_scores import class_divergences
from cmmd.measures.intervals import bootstrap_mean
from cmmd.measures.spectrogram_distance import SpectrogramDistances

SHUFFLES = 3
NAN = float("nan")
FeaturePair = tuple[ClipFeatures, ClipFeatures]
"""(generated, reference)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Name and meaning of one value of a measure."""

    name: str
    unit: str = ""
    better: Better
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedMeasure:
    """`measure(generated, reference)` returns one value per figure; nan if there is nothing to measure.

    ceiling: whether the measure of a reference against itself is the value of a perfect system.
    """

    figures: tuple[Figure, ...]
    measure: Callable[[ClipFeatures, ClipFeatures], tuple[float, ...]]
    ceiling: bool = False

    def of(self, pairs: Sequence[FeaturePair], *, seed: int = 0) -> tuple[list[Metric], list[dict[str, float]]]:
        """Returns one metric per figure (mean with bounds), and the values of each clip by figure name."""
        values = self._rows(pairs)
        chance = self._chance(pairs, seed)
        ceiling = self._means(self._rows([(true, true) for _, true in pairs])) if self.ceiling else self._nothing()
        metrics = []
        for column, figure in enumerate(self.figures):
            metrics.append(
                Metric(
                    name=figure.name,
                    **asdict(bootstrap_mean(values[:, column])),
                    chance=float(chance[column]),
                    ceiling=float(ceiling[column]),
                    unit=figure.unit,
                    better=figure.better,
                    samples=int(np.isfinite(values[:, column]).sum()),
                    about=figure.about,
                )
            )
        names = [figure.name for figure in self.figures]
        return metrics, [dict(zip(names, map(float, row), strict=True)) for row in values]

    def _rows(self, pairs: Sequence[FeaturePair]) -> np.ndarray:
        rows = [self.measure(made, true) for made, true in pairs]
        return np.array(rows, dtype=float).reshape(len(pairs), len(self.figures))

    def _chance(self, pairs: Sequence[FeaturePair], seed: int) -> np.ndarray:
        if len(pairs) < 2:
            return self._nothing()
        generator, rows = np.random.default_rng(seed), []
        for _ in range(SHUFFLES):
            other = derangement(len(pairs), generator)
            rows.append(self._rows([(made, pairs[j][1]) for (made, _), j in zip(pairs, other, strict=True)]))
        return self._means(np.concatenate(rows))

    def _means(self, rows: np.ndarray) -> np.ndarray:
        known = [column[~np.isnan(column)] for column in rows.T]
        return np.array([column.mean() if len(column) else NAN for column in known])

    def _nothing(self) -> np.ndarray:
        return np.full(len(self.figures), NAN)


def paired_measures(
    direction: Direction, *, fps: int, group: str, backbones: Sequence[Backbone]
) -> list[PairedMeasure]:
    """Measures that apply to a direction. The world's impacts and hits have no beats: nothing recurs in them."""
    measures = [_av_align(direction, fps)]
    if group not in ("impacts", "hits"):
        measures.append(_beats(direction, world=group == "dance"))
    if direction == "video_to_audio":
        measures.append(_spectrogram())
    modality = "audio" if direction == "video_to_audio" else "video"
    return measures + [_divergence(b) for b in backbones if b.classes and b.modality == modality]


def _av_align(direction: Direction, fps: int) -> PairedMeasure:
    def measure(made: ClipFeatures, true: ClipFeatures) -> tuple[float, ...]:
        sound, picture = (made, true) if direction == "video_to_audio" else (true, made)
        if sound.heard is None or picture.moved is None:
            return (NAN,)
        return (av_align(sound.heard, picture.moved, fps=fps),)

    about = f"Onsets and motion peaks that fall together within a frame ({1000 / fps:.0f} ms), one to one, over union."
    return PairedMeasure(
        figures=(Figure(name="AV-Align", better="higher", about=about),), measure=measure, ceiling=True
    )


def _beats(direction: Direction, *, world: bool) -> PairedMeasure:
    """Compares with the beats of the true music: beats of generated music, or seen events (world) or motion rests."""

    def measure(made: ClipFeatures, true: ClipFeatures) -> tuple[float, ...]:
        seen = made.seen if world else made.rests
        found = made.sound_beats if direction == "video_to_audio" else seen
        if found is None or true.sound_beats is None:
            return NAN, NAN, NAN
        agreement = beat_agreement(found, true.sound_beats)
        return agreement.found, agreement.true, agreement.f1

    whose = "generated music" if direction == "video_to_audio" else "generated motion"
    figures = (
        Figure(
            name="beat precision", better="higher", about=f"Beats of the {whose} with one of the true music in 70 ms."
        ),
        Figure(
            name="beat recall", better="higher", about=f"Beats of the true music that the {whose} has within 70 ms."
        ),
        Figure(name="beat F1", better="higher", about="Harmonic mean of beat precision and recall of each clip."),
    )
    return PairedMeasure(figures=figures, measure=measure, ceiling=direction == "audio_to_video")


def _spectrogram() -> PairedMeasure:
    distances = SpectrogramDistances()

    def measure(made: ClipFeatures, true: ClipFeatures) -> tuple[float, ...]:
        if made.waveform is None or true.waveform is None:
            return NAN, NAN, NAN
        distance = distances(made.waveform, true.waveform)
        return distance.l1, distance.l2, distance.convergence

    of = "of generated and true log-mel, frame by frame (nepers)."
    three = "Norm of the difference of magnitude spectrograms over the true one's, mean of three resolutions."
    figures = (
        Figure(name="log-mel L1", better="lower", about=f"Mean absolute difference {of}"),
        Figure(name="log-mel L2", better="lower", about=f"Root mean square difference {of}"),
        Figure(name="spectral convergence", better="lower", about=three),
    )
    return PairedMeasure(figures=figures, measure=measure)


def _divergence(backbone: Backbone) -> PairedMeasure:
    def measure(made: ClipFeatures, true: ClipFeatures) -> tuple[float, ...]:
        sides = (made.embeddings.get(backbone.name), true.embeddings.get(backbone.name))
        classes = [None if side is None else side.classes for side in sides]
        if classes[0] is None or classes[1] is None:
            return (NAN,)
        return (class_divergences(classes[1][None], classes[0][None]).item(),)

    about = f"Kullback-Leibler divergence of {backbone.name}'s classes, true from generated clip (nats)."
    return PairedMeasure(figures=(Figure(name=f"KL-{backbone.name}", better="lower", about=about),), measure=measure)
