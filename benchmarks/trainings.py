"""Runs and measures many small trainings, each in a separate process, and compares them over paired seeds.

Finished trainings are skipped, so that a comparison can be interrupted at any time and run in several sessions.
"""

import copy
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.evaluation.backbones.yamnet import YAMNet
from cmmd.evaluation.record.schema import WorldScore
from cmmd.evaluation.samples.true_clips import Truth, WorldSet, true_clips
from cmmd.evaluation.samples.world_scores import score_pipeline
from cmmd.files.inline_groups import as_dict, replaced
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.measures.retrieval import retrieve
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.pipeline import CMMDPipeline
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance
from cmmd.training.distributed import Ranks
from cmmd.training.loop import StepReport, fresh_state, train
from cmmd.training.objective import Objective

SAMPLING_STEPS = 10
Guidance = Literal["usual", "less"]
GUIDANCES: tuple[Guidance, ...] = ("usual", "less")
GUIDANCE: dict[Guidance, dict[Direction, float]] = {
    "usual": {"video_to_audio": 1.5, "audio_to_video": 4.5, "joint": 3.0},
    "less": {"video_to_audio": 1.0, "audio_to_video": 2.0, "joint": 1.5},
}
"""Guidance by direction. It is the same for all methods and runs and does not depend on the default guidance. A
network with `shared_time` is sampled without guidance, because it always hears."""
TEST_SEED = 3_000_000
RETRIEVAL_TIMES = (0.8,)
"""Retrieval takes long: one noise level suffices to compare many models."""
RETRIEVAL_FRAMES = 24
"""Longest clip for retrieval. The test clips have 16 frames."""
CANDIDATES = 32
MEASURES = {
    "f1": "F1@50",
    "offset": "median absolute offset, ms",
    "retrieval": f"retrieval among {CANDIDATES}",
    "pitch": "pitch against size",
    "spectrogram": "spectrogram distance",
    "fad": "FAD-YAMNet",
    "pictures": "picture distance",
}
DIGITS = {"f1": 3, "offset": 1, "retrieval": 3, "pitch": 3, "spectrogram": 2, "fad": 1, "pictures": 0}
T_95 = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Two-sided 95 % quantile of Student's t distribution; the index is the number of degrees of freedom."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """marks: steps at which the model is measured. retrieval: whether retrieval is measured too. less: whether the
    model is also sampled with less guidance after the last step."""

    name: str
    recipe: CoupledRecipe
    marks: tuple[int, ...]
    retrieval: bool = True
    less: bool = False

    def file(self, folder: Path) -> Path:
        return folder / f"{self.name}.json"

    def weights(self, folder: Path) -> Path:
        """Path of the final EMA weights."""
        return folder / f"{self.name}.safetensors"

    def rows(self, folder: Path) -> list[dict[str, Any]]:
        """Returns the rows of the record; empty if the training has not finished."""
        return json.loads(self.file(folder).read_text())["rows"] if self.file(folder).exists() else []


def do_missing(trainings: Sequence[Training], folder: Path, *, workers: int) -> None:
    """Runs the trainings without a record, `workers` at a time, each as this command with `--only NAME`.

    Exits if a training fails; trainings that have not started are cancelled.
    """
    for training in trainings:
        encoded(training.recipe, folder)
    missing = [training for training in trainings if not training.file(folder).exists()]
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(_in_its_own_process, training, workers) for training in missing]
        for one in progress(waiting, "trainings", unit="training"):
            if code := one.result():
                pool.shutdown(cancel_futures=True)
                sys.exit(f"a training ended with exit code {code}")


def _in_its_own_process(training: Training, workers: int) -> int:
    threads = max(1, (os.cpu_count() or 1) // workers)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *sys.argv, "--only", training.name]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode


def do(
    training: Training,
    folder: Path,
    *,
    test_clips: int,
    yamnet: Path | None,
    objective: Objective | None = None,
    device: str = "cpu",
) -> None:
    """Trains on `device`, measures on the CPU at the marks, and writes the EMA weights and the record."""
    recipe, clips = training.recipe, encoded(training.recipe, folder)
    world = WorldSet(split=recipe.clips.data.split, clips=test_clips, seed=TEST_SEED)
    truths = true_clips(world, backbone=YAMNet(yamnet) if yamnet else None)
    state, reports = started(recipe, clips, steps=max(training.marks), objective=objective, device=device)
    rows, losses, seconds = [], {}, []
    for report in reports:
        seconds.append(report.seconds)
        if report.step in training.marks:
            losses[report.step] = report.losses
            pipeline = assembled(state.ema.model, recipe, clips)
            guidance = GUIDANCES if training.less and report.step == max(training.marks) else GUIDANCES[:1]
            found = measured(pipeline, world, truths, guidance=guidance, retrieval=training.retrieval)
            rows += [{"step": report.step} | row for row in found]
    record = provenance(
        {"training": training.name, "recipe": as_dict(recipe), "test_clips": test_clips}, seed=recipe.loop.seed
    )
    record |= {"device": device, "seconds_a_step": round(statistics.median(seconds), 4), "losses": losses, "rows": rows}
    save_file(state.ema.model.state_dict(), training.weights(folder))
    beside = folder / f".{training.name}.partial"
    beside.write_text(json.dumps(record, indent=1) + "\n")
    beside.replace(training.file(folder))


def encoded(recipe: CoupledRecipe, folder: Path) -> EncodedClips:
    """Returns the encoded training clips of a recipe, and stores them in the folder for further calls."""
    autoencoder = load_autoencoder(str(SHIPPED_MODEL / "video_autoencoder")).eval()
    codec = spectrogram_codec(recipe.codec, recipe.geometry)
    shared: dict[str, Any] = {"geometry": recipe.geometry, "autoencoder": autoencoder, "codec": codec}
    key = world_key(recipe.clips.data, **shared)
    path = folder / f"clips-{recipe.clips.data.split}-{recipe.clips.data.clips}.safetensors"
    clips = EncodedClips.load(path, key=key)
    if clips is None:
        clips = encode_world(recipe.clips.data, **shared)
        clips.save(path, key=key)
    return clips


def untrained(recipe: CoupledRecipe, clips: EncodedClips) -> CoupledUNet:
    return build_network(
        recipe,
        latent_channels=clips.video.shape[1],
        spectrogram_channels=clips.audio.shape[1],
        bins=clips.audio.shape[2],
    )


def started(
    recipe: CoupledRecipe,
    clips: EncodedClips,
    *,
    steps: int,
    objective: Objective | None = None,
    device: str = "cpu",
) -> tuple[Any, Iterator[StepReport]]:
    """Returns the training state and an iterator that runs one step per report."""
    loop, ranks = replaced(recipe.loop, steps=steps, log_every=1), Ranks(device=torch.device(device))
    state = fresh_state(untrained(recipe, clips), loop, ranks)
    return state, train(state, objective or cmmd_objective(recipe, clips), loop, ranks=ranks)


def assembled(unet: CoupledUNet, recipe: CoupledRecipe, clips: EncodedClips) -> CMMDPipeline:
    return CMMDPipeline.assemble(
        unet=copy.deepcopy(unet).cpu(),
        video_autoencoder=load_autoencoder(str(SHIPPED_MODEL / "video_autoencoder")),
        geometry=recipe.geometry,
        codec=recipe.codec,
        video_statistics=clips.video_statistics,
        audio_statistics=clips.audio_statistics,
    )


def measured(
    pipeline: CMMDPipeline,
    world: WorldSet,
    truths: Mapping[str, Truth],
    *,
    guidance: Sequence[Guidance],
    retrieval: bool,
) -> list[dict[str, Any]]:
    """Returns one row per guidance, family and direction: alignment and quality. Retrieval needs no sampling and is
    measured once, in the rows of the usual guidance."""
    rows = []
    for name in guidance:
        for direction, strength in GUIDANCE[name].items():
            if pipeline.unet.network.shared_time:
                strength = 1.0
            sampling = SamplingConfig(steps=SAMPLING_STEPS, guidance=strength)
            scores = score_pipeline(pipeline, world, [direction], sampling, truths=truths)
            rows += [{"guidance": name} | row_of(score) for score in scores]
    for row in rows:
        if retrieval and row["guidance"] == "usual" and row["direction"] != "joint":
            row["retrieval"] = _retrieved(pipeline, truths[row["family"]], row["direction"])
    return rows


def row_of(score: WorldScore) -> dict[str, Any]:
    return {
        "family": score.family,
        "direction": score.direction,
        "f1": score.value("onset F1 at 50 ms"),
        "f1_wide": score.value("onset F1 at 100 ms"),
        "offset": 1000 * score.metric("median absolute offset").value,
        "retrieval": None,
        "spectrogram": score.value("spectrogram distance"),
        "fad": score.value("FAD-YAMNet"),
        "pictures": score.value("picture distance"),
        "pitch": score.value("pitch"),
    }


def _retrieved(pipeline: CMMDPipeline, truth: Truth, direction: Direction) -> float:
    clips = truth.clips[:CANDIDATES]
    columns = RETRIEVAL_FRAMES * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    video = torch.cat([pipeline.encode_video(clip.frames) for clip in clips])[:, :, :RETRIEVAL_FRAMES]
    audio = torch.cat([pipeline.encode_audio(clip.waveform) for clip in clips])[..., :columns]
    if direction == "video_to_audio":
        return retrieve(pipeline.unet, audio, video, modality="audio", times=RETRIEVAL_TIMES).first
    return retrieve(pipeline.unet, video, audio, modality="video", times=RETRIEVAL_TIMES).first


ROWS: tuple[tuple[str, Direction], ...] = (
    *((family, direction) for family in PLAIN_FAMILIES for direction in ("video_to_audio", "audio_to_video")),
    ("any", "joint"),
)
"""Family and direction of each row of the tables."""


@dataclass(frozen=True, slots=True)
class Place:
    """Key of a figure in the rows of the records."""

    measure: str
    family: str
    direction: str
    guidance: Guidance = "usual"


Seeds = Mapping[int, Training]
"""The trainings of one setting, by seed."""


def values(seeds: Seeds, folder: Path, place: Place, *, step: int) -> dict[int, float]:
    """Returns the figure at `step` by seed, for the finished trainings that have it."""
    wanted = (place.family, place.direction, place.guidance, step)
    return {
        seed: row[place.measure]
        for seed, training in seeds.items()
        for row in training.rows(folder)
        if (row["family"], row["direction"], row["guidance"], row["step"]) == wanted and row[place.measure] is not None
    }


def paired(own: Mapping[int, float], base: Mapping[int, float]) -> tuple[float, float] | None:
    """Returns the mean difference over the common seeds, and half the width of its 95 % interval (nan for one seed).

    Returns None without common seeds.
    """
    differences = [own[seed] - base[seed] for seed in own if seed in base]
    if not differences:
        return None
    if len(differences) == 1:
        return differences[0], math.nan
    half = T_95[len(differences) - 1] * statistics.stdev(differences) / math.sqrt(len(differences))
    return statistics.mean(differences), half


def told(difference: tuple[float, float] | None, measure: str) -> str:
    """Formats a difference with its interval, in bold if the interval excludes 0; "-" for None."""
    if difference is None:
        return "-"
    digits = DIGITS[measure]
    mean, half = difference
    if math.isnan(half):
        return f"{mean:+.{digits}f}"
    text = f"{mean:+.{digits}f} ± {half:.{digits}f}"
    return f"**{text}**" if abs(mean) > half else text


def mean_of(found: Mapping[int, float], measure: str) -> str:
    return f"{statistics.mean(found.values()):.{DIGITS[measure]}f}" if found else "-"
