"""What the contrastive term is worth: nCMMD against CMMD, over seeds, splits and amounts of data, and kind by kind.

    python benchmarks/contrast.py FOLDER

trains by the recipe world.ablation, again and again, and prints the tables. Every training is a process of its own,
and its figures a file in FOLDER: what is there is not done again, so that the whole may be interrupted at any time.
nCMMD is measured twice, after as many steps as CMMD and after as much time, by the cost of a contrastive step here.
"""

import argparse
import copy
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.difficulty import Split
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.families import world_clip
from cmmd.diffusion.conditioning import Direction
from cmmd.diffusion.mismatch import MISMATCHES, Mismatch
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.evaluation.score import ScoreOptions, score_pipeline
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.markdown import markdown_table
from cmmd.measures.retrieval import retrieve
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.pipeline import CMMDPipeline
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.progress import progress
from cmmd.provenance import provenance
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.recipes.world import world_ablation
from cmmd.training.loop import StepReport, fresh_state, train

FULL, SMALL = 500, 50
"""Training clips a family, of 4.8 s."""
STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""After 300 steps on the harder split no model is better than chance."""
BOTH: tuple[Mismatch, ...] = ("other_clip", "time_shift")
WEIGHT = 0.1
CANDIDATES = 32
RETRIEVAL_TIMES = (0.8,)
"""One noise level: a comparison of many models needs no more, and it is most of the time that measuring takes."""
SAMPLING_STEPS = 10
GUIDANCE: dict[Direction, float] = {"video_to_audio": 1.5, "audio_to_video": 4.5, "joint": 3.0}
"""The same for both methods, and for every run of this comparison whatever the defaults are."""
TEST_SEED = 3_000_000
T_95 = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's quantile by degrees of freedom."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training. mismatches: none is nCMMD."""

    split: Split
    clips: int
    mismatches: tuple[Mismatch, ...]
    seed: int

    @property
    def method(self) -> str:
        return "+".join(self.mismatches) or "ncmmd"

    @property
    def name(self) -> str:
        return f"{self.split}-{self.clips}-{self.method}-{self.seed}"


def jobs(seeds: int) -> list[Job]:
    """All trainings, the most telling first: an interrupted run has whole tables, of fewer settings and seeds."""

    def compared(split: Split, seed: int) -> list[Job]:
        choices = [(clips, mismatches) for clips in (FULL, SMALL) for mismatches in ((), BOTH)]
        return [Job(split=split, clips=clips, mismatches=mismatches, seed=seed) for clips, mismatches in choices]

    def alone(seed: int) -> list[Job]:
        return [Job(split="standard", clips=SMALL, mismatches=(kind,), seed=seed) for kind in MISMATCHES]

    standard = [job for seed in range(seeds) for job in compared("standard", seed)]
    return standard + [job for seed in range(seeds) for job in (*compared("hard", seed), *alone(seed))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test-clips", type=int, default=32)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    wanted = jobs(arguments.seeds)
    if arguments.job:
        (job,) = (job for job in wanted if job.name == arguments.job)
        run(job, arguments.folder, test_clips=arguments.test_clips)
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for split in ("standard", "hard"):
        for clips in (FULL, SMALL):
            encoded(Job(split=split, clips=clips, mismatches=(), seed=0), arguments.folder)
    if not (arguments.folder / "cost.json").exists():
        cost = step_cost(encoded(wanted[0], arguments.folder)) | step_memory(wanted[0], arguments.folder)
        (arguments.folder / "cost.json").write_text(json.dumps(cost, indent=1))
    missing = [job for job in wanted if not result_file(job, arguments.folder).exists()]
    with ThreadPoolExecutor(arguments.workers) as pool:
        trainings = [pool.submit(in_its_own_process, job, arguments.workers) for job in missing]
        for one in progress(trainings, "trainings", unit="training"):
            if code := one.result():
                pool.shutdown(cancel_futures=True)
                sys.exit(f"a training ended with exit code {code}")
    print(tables([job for job in wanted if result_file(job, arguments.folder).exists()], arguments.folder))


def in_its_own_process(job: Job, workers: int) -> int:
    threads = max(1, (os.cpu_count() or 1) // workers)
    command = [sys.executable, *sys.argv, "--job", job.name]
    return subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, stdout=subprocess.DEVNULL
    ).returncode


def recipe(job: Job) -> CoupledRecipe:
    base = world_ablation()
    contrast = ContrastiveConfig(weight=WEIGHT, mismatches=job.mismatches) if job.mismatches else ContrastiveConfig()
    return replace(
        base,
        data=replace(base.data, split=job.split, clips=job.clips),
        contrastive=contrast,
        loop=replace(base.loop, seed=job.seed),
    )


def encoded(job: Job, folder: Path) -> EncodedClips:
    config = recipe(job)
    autoencoder = load_autoencoder(str(SHIPPED_MODEL / "video_autoencoder")).eval()
    codec = spectrogram_codec(config.codec, config.geometry)
    shared: dict[str, Any] = {"geometry": config.geometry, "autoencoder": autoencoder, "codec": codec}
    key = world_key(config.data, **shared)
    path = folder / f"clips-{job.split}-{job.clips}.safetensors"
    clips = EncodedClips.load(path, key=key)
    if clips is None:
        clips = encode_world(config.data, **shared)
        clips.save(path, key=key)
    return clips


def training(job: Job, clips: EncodedClips, *, steps: int) -> tuple[Any, Iterator[StepReport]]:
    config = recipe(job)
    loop = replace(config.loop, steps=steps, log_every=1)
    network = build_network(
        config,
        latent_channels=clips.video.shape[1],
        spectrogram_channels=clips.audio.shape[1],
        bins=clips.audio.shape[2],
    )
    state = fresh_state(network, loop)
    return state, train(state, cmmd_objective(config, clips), loop)


def step_cost(clips: EncodedClips, *, steps: int = 40) -> dict[str, float]:
    """Seconds of a step without and with the term, both trainings in turn, and their ratio."""
    plain, contrasted = (
        training(Job(split="standard", clips=FULL, mismatches=kinds, seed=0), clips, steps=steps)[1]
        for kinds in ((), BOTH)
    )
    pairs = [(a.seconds, b.seconds) for a, b in zip(plain, contrasted, strict=True)][5:]
    seconds = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return {"ncmmd": seconds[0], "cmmd": seconds[1], "ratio": seconds[1] / seconds[0]}


def step_memory(job: Job, folder: Path) -> dict[str, float]:
    """Peak memory, MiB, of a process that trains without the term, and of one that trains with it."""
    fresh = multiprocessing.get_context("spawn")
    peaks = {}
    for name, kinds in (("ncmmd", ()), ("cmmd", BOTH)):
        with fresh.Pool(1) as pool:
            peaks[f"{name}_mib"] = pool.apply(peak_memory, (replace(job, mismatches=kinds), folder))
    return peaks


def peak_memory(job: Job, folder: Path) -> float:
    """Of this process after ten steps; Linux tells it."""
    for _ in training(job, encoded(job, folder), steps=10)[1]:
        pass
    status = Path("/proc/self/status").read_text().split()
    return round(int(status[status.index("VmHWM:") + 1]) / 1024)


def result_file(job: Job, folder: Path) -> Path:
    return folder / f"{job.name}.json"


def run(job: Job, folder: Path, *, test_clips: int) -> None:
    clips, steps = encoded(job, folder), STEPS[job.split]
    marks = {steps: "steps"}
    if not job.mismatches:
        ratio = json.loads((folder / "cost.json").read_text())["ratio"]
        marks[round(steps * max(ratio, 1.01))] = "time"
    state, reports = training(job, clips, steps=max(marks))
    started, rows = time.perf_counter(), []
    for report in reports:
        if report.step in marks:
            rows += [row | {"equal": marks[report.step]} for row in measured(state.ema.model, job, clips, test_clips)]
    record = provenance({"job": job.name, "steps": steps}, seed=job.seed) | {
        "seconds": round(time.perf_counter() - started, 1),
        "rows": rows,
    }
    beside = folder / f".{job.name}.partial"
    beside.write_text(json.dumps(record, indent=1) + "\n")
    beside.replace(result_file(job, folder))


def measured(unet: CoupledUNet, job: Job, clips: EncodedClips, test_clips: int) -> list[dict[str, Any]]:
    """A row a family and direction: alignment, retrieval, spectrogram."""
    config = recipe(job)
    pipeline = CMMDPipeline.assemble(
        unet=copy.deepcopy(unet),
        video_autoencoder=load_autoencoder(str(SHIPPED_MODEL / "video_autoencoder")),
        geometry=config.geometry,
        codec=config.codec,
        video_statistics=clips.video_statistics,
        audio_statistics=clips.audio_statistics,
    )
    sampling = SamplingConfig(steps=SAMPLING_STEPS)
    options = ScoreOptions(split=job.split, clips=test_clips, seed=TEST_SEED, sampling=sampling)
    scores = [
        score
        for direction, guidance in GUIDANCE.items()
        for score in score_pipeline(
            pipeline, replace(options, direction=direction, sampling=replace(sampling, guidance=guidance))
        )
    ]
    rows = []
    for score in scores:
        both = score.direction == "joint"
        rows.append(
            {
                "family": score.family,
                "direction": score.direction,
                "f1": score.found.at(0.05).f1,
                "offset": 1000 * score.found.median_absolute_offset,
                "spectrogram": score.spectrogram,
                "retrieval": None if both else retrieved(pipeline, job, score.family, score.direction),
            }
        )
    return rows


def retrieved(pipeline: CMMDPipeline, job: Job, family: Any, direction: str) -> float:
    true = [world_clip(family, TEST_SEED + index, split=job.split) for index in range(CANDIDATES)]
    video = torch.cat([pipeline.encode_video(clip.frames) for clip in true])
    audio = torch.cat([pipeline.encode_audio(clip.waveform) for clip in true])
    if direction == "video_to_audio":
        return retrieve(pipeline.unet, audio, video, modality="audio", times=RETRIEVAL_TIMES).first
    return retrieve(pipeline.unet, video, audio, modality="video", times=RETRIEVAL_TIMES).first


def tables(done: list[Job], folder: Path) -> str:
    """Markdown: for every measure a row a setting, family and direction; then a row a kind of mismatch."""
    cost = json.loads((folder / "cost.json").read_text())
    results = {job: json.loads(result_file(job, folder).read_text())["rows"] for job in done}
    lines = [
        f"A contrastive step takes {cost['ratio']:.2f} times as long ({cost['ncmmd']:.3f} s, {cost['cmmd']:.3f} s).",
        f"Peak memory of a training: {cost['ncmmd_mib']:.0f} MiB without, {cost['cmmd_mib']:.0f} MiB with the term.",
    ]
    places = {"f1": 3, "offset": 1, "retrieval": 3, "spectrogram": 2}
    titles = {"f1": "F1@50", "offset": "median absolute offset, ms", "retrieval": f"retrieval among {CANDIDATES}"}
    settings = list(dict.fromkeys((job.split, job.clips) for job in done))
    directions = [(family, way) for family in FAMILIES for way in ("video_to_audio", "audio_to_video")] + [
        ("any", "joint")
    ]
    for measure, digits in places.items():
        rows = []
        for split, clips in settings:
            for family, direction in directions:
                values = Values(results, split, clips, family, direction, measure)
                if values.of("ncmmd", "steps"):
                    label = f"{split}, {clips} clips: {family}, {direction.replace('_', ' ')}"
                    rows.append((label, *values.row("+".join(BOTH), digits)))
        head = ("", "seeds", "nCMMD", "CMMD", "difference, equal steps", "difference, equal time")
        lines += [f"\n{titles.get(measure, measure)}:\n", markdown_table(rows, head=head)]
    rows = []
    for kind in ("+".join(BOTH), *MISMATCHES):
        for family in FAMILIES:
            cells = []
            for measure in ("f1", "retrieval"):
                values = Values(results, "standard", SMALL, family, "video_to_audio", measure)
                cells.append(values.difference(kind, "steps", places[measure]))
            rows.append((kind.replace("_", " "), family, *cells))
    head = ("negatives", f"standard, {SMALL} clips, video to audio", "F1@50 over nCMMD", "retrieval over nCMMD")
    lines += ["\nKind by kind, equal steps:\n", markdown_table(rows, head=head)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Values:
    """One measure of one setting, family and direction: by method and seed."""

    results: dict[Job, list[dict[str, Any]]]
    split: str
    clips: int
    family: str
    direction: str
    measure: str

    def of(self, method: str, equal: str) -> dict[int, float]:
        """By seed."""
        return {
            job.seed: row[self.measure]
            for job, rows in self.results.items()
            for row in rows
            if (job.split, job.clips, job.method) == (self.split, self.clips, method)
            and (row["family"], row["direction"], row["equal"]) == (self.family, self.direction, equal)
            and row[self.measure] is not None
        }

    def row(self, method: str, digits: int) -> tuple[str, ...]:
        means = [self.of("ncmmd", "steps"), self.of(method, "steps")]
        cells = [f"{statistics.mean(found.values()):.{digits}f}" if found else "-" for found in means]
        return (
            str(len(self.of(method, "steps"))),
            *cells,
            self.difference(method, "steps", digits),
            self.difference(method, "time", digits),
        )

    def difference(self, method: str, equal: str, digits: int) -> str:
        """Mean over the seeds of the paired difference to nCMMD, with its 95 % interval; of one seed without."""
        own, base = self.of(method, "steps"), self.of("ncmmd", equal)
        differences = [own[seed] - base[seed] for seed in own if seed in base]
        if len(differences) < 2:
            return f"{differences[0]:+.{digits}f}" if differences else "-"
        half = T_95[len(differences) - 1] * statistics.stdev(differences) / math.sqrt(len(differences))
        return f"{statistics.mean(differences):+.{digits}f} ± {half:.{digits}f}"


if __name__ == "__main__":
    main()
