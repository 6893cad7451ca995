"""A run on disk: the loop with its log, checkpoints, held-out losses, progress bar and loss picture (ours)."""

import math
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cmmd.errors import InputError
from cmmd.files.inline_groups import as_dict
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance
from cmmd.training.distributed import Ranks, was_restarted
from cmmd.training.held_out import HeldOut, held_out_terms
from cmmd.training.log import Log
from cmmd.training.loop import StepReport, fresh_state, require_equal_shares, train
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import Objective
from cmmd.training.run_folder import LOG, PICTURES, SETTINGS, open_run_folder
from cmmd.training.state import DamagedCheckpoint, TrainingState, checkpoint_path, checkpoints
from cmmd.training.throughput import Throughput
from cmmd.training.trackers import open_trackers, require_trackers


def run_training(
    model: nn.Module,
    objective: Objective,
    *,
    loop: LoopConfig,
    config: Any,
    out: Path,
    resume: bool,
    recipe: str | None = None,
    held_out: HeldOut | None = None,
    ranks: Ranks | None = None,
) -> nn.Module:
    """Train `model`, write the run into folder `out`, and return the EMA model in eval mode.

    The EMA weights are those of the last step or, with `held_out`, those of the evaluation with the lowest loss. Under
    torchrun all ranks train together. The main rank makes decisions and writes config.yaml, log.jsonl and checkpoints.
    If the weights are sharded, only the main rank gets the trained weights. A process that torchrun has restarted
    resumes.

    Raises InputError if `out` has a run and `resume` is False, if `resume` is True and `out` has no run or a run with
    other settings, if a tracker is not installed, if no checkpoint is intact, or if micro_batches is not a multiple of
    the world size. Raises FloatingPointError if a loss or gradient is not finite (see `train`).
    """
    ranks = ranks or Ranks.join()
    require_equal_shares(loop, ranks)
    resume = _open(out, config, loop, recipe=recipe, resume=resume, ranks=ranks)
    throughput = Throughput.of(model, objective, loop, ranks) if ranks.is_main else None
    state = fresh_state(model, loop, ranks)
    if resume:
        _resume(state, loop, out, ranks)
    record = None
    if throughput is not None:
        record = _Record(out, loop=loop, config=config, ranks=ranks, throughput=throughput, resume_at=state.step)
    _train_and_save(state, objective, held_out, loop, out=out, record=record, ranks=ranks)
    if record:
        record.close()
    if state.best_step is not None and state.best_step != state.step:
        state.load(checkpoint_path(out, state.best_step))
    return state.result()


def _open(out: Path, config: Any, loop: LoopConfig, *, recipe: str | None, resume: bool, ranks: Ranks) -> bool:
    """Open the run folder. Returns whether the run resumes: on request, or because torchrun has restarted a process."""
    resume = resume or (ranks.any(was_restarted()) and (out / SETTINGS).exists())

    def open_folder() -> None:
        require_trackers(loop.reports.trackers)
        open_run_folder(out, config, steps=loop.steps, recipe=recipe, resume=resume)

    ranks.by_main(open_folder)
    return resume


def _resume(state: TrainingState, loop: LoopConfig, out: Path, ranks: Ranks) -> None:
    """Restore the newest intact checkpoint, if the run has saved any. Raises InputError as `_go_back`."""
    saved = ranks.decided(checkpoints(out))
    if not saved:
        return
    _go_back(state, saved, ranks)
    ranks.by_main(lambda: state.drop_older(out))
    if state.step == loop.steps and ranks.is_main:
        _print_line(f"{out}: finished: all {loop.steps} steps are done; a larger loop.steps goes on")


def _go_back(state: TrainingState, saved: list[Path], ranks: Ranks) -> None:
    """Restore the newest checkpoint that is intact on all ranks. If a newer one is damaged, the main rank prints the
    first error. Raises InputError if all are damaged, or if one cannot be read or belongs to another model."""
    first: InputError | None = None
    for checkpoint in reversed(saved):
        try:
            found, problem = state.read(checkpoint), None
        except DamagedCheckpoint as error:
            found, problem = None, error
        if not ranks.any(problem is not None):
            assert found is not None
            if first is not None and ranks.is_main:
                _print_line(f"{first}; goes on from {checkpoint.name}, the newest that is whole")
            state.take(found)
            return
        first = first or problem or InputError(f"{checkpoint}: damaged where another rank reads it")
    raise InputError(f"{first}; no whole one is left, expected another --out to begin again")


def _print_line(line: str) -> None:
    print(f"cmmd: {line}", file=sys.stderr)


def _train_and_save(
    state: TrainingState,
    objective: Objective,
    held_out: HeldOut | None,
    loop: LoopConfig,
    *,
    out: Path,
    record: "_Record | None",
    ranks: Ranks,
) -> None:
    reports = loop.reports
    patience = reports.patience * reports.evaluate_every if held_out else 0
    if state.stalled(patience):  # a run that loop.patience had stopped does not continue
        if record:
            _print_line(f"{out}: finished at step {state.step}: loop.patience has passed without a lower held-out loss")
        return
    for report in train(state, objective, loop, ranks=ranks):
        last = report.step == loop.steps
        figures, improved = {}, False
        if held_out and (last or report.step % reports.evaluate_every == 0):
            figures = held_out_terms(state, held_out, loop, ranks)
            if not math.isfinite(figures["held_out_loss"]):
                raise FloatingPointError(f"step {report.step}: held-out loss is {figures['held_out_loss']}")
            improved = state.note_held_out(figures["held_out_loss"])
            last = last or state.stalled(patience)
        if record:
            record.write(report, figures)
        if last or improved or report.step % reports.save_every == 0:
            if record:
                record.log.flush()
            state.save(out, ranks)
        if last:
            return


class _Record:
    """The output of the main rank during training: log, trackers, progress bar and pictures."""

    def __init__(
        self, out: Path, *, loop: LoopConfig, config: Any, ranks: Ranks, throughput: Throughput, resume_at: int
    ) -> None:
        self.out = out
        self.throughput = throughput
        self.trackers = open_trackers(loop.reports.trackers, out, as_dict(config), resume_at=resume_at)
        self.log = Log(out / LOG, resume_at=resume_at)
        if resume_at == 0:
            facts = {"threads": torch.get_num_threads(), "cpus": os.cpu_count(), "world_size": ranks.world_size}
            facts["matrix_product_gflops"] = round(throughput.peak / 1e9, 1)
            self.log.write(**provenance(as_dict(config), seed=loop.seed), **facts, device=str(ranks.device))
        self.bar = progress(loop.steps, "training", start=resume_at)

    def write(self, report: StepReport, held_out: dict[str, float]) -> None:
        """Write the figures of a step, if it has any, to the log and the trackers, and advance the progress bar."""
        figures = {name: round(value, 6) for name, value in ((report.losses or {}) | held_out).items()}
        if report.losses:
            figures["gradient_norm"] = round(report.gradient_norm, 5)
            figures |= self.throughput.figures(report.step - 1, report.seconds)
            self.bar.set_postfix(loss=f"{report.losses['loss']:.4f}", refresh=False)
        if figures:
            self.log.write(step=report.step, **figures, seconds=round(report.seconds, 4))
            for tracker in self.trackers:
                tracker.write(report.step, figures)
        self.bar.update()

    def close(self) -> None:
        from cmmd.training.loss_picture import draw_gaps, draw_losses

        self.bar.close()
        for tracker in self.trackers:
            tracker.close()
        for draw, picture in zip((draw_losses, draw_gaps), PICTURES, strict=True):
            draw(self.out / LOG, self.out / picture)
