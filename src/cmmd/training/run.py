"""A run on disk: the loop with its log, checkpoints, held-out losses, progress bar and loss picture (ours)."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cmmd.configuration import as_dict, to_yaml
from cmmd.errors import InputError
from cmmd.output_folder import make_folder
from cmmd.progress import progress
from cmmd.provenance import provenance
from cmmd.training.held_out import held_out_terms
from cmmd.training.log import Log
from cmmd.training.loop import LoopConfig, Losses, StepReport, fresh_state, require_equal_shares, train
from cmmd.training.state import checkpoint_path, checkpoints
from cmmd.training.team import Team
from cmmd.training.throughput import Throughput
from cmmd.training.trackers import open_trackers


def run_training(
    model: nn.Module,
    losses: Losses,
    *,
    loop: LoopConfig,
    config: Any,
    out: Path,
    resume: bool,
    held_out: Losses | None = None,
) -> nn.Module:
    """Train `model` into folder `out` and return its averaged weights, in eval mode: the last ones or, where there are
    losses of clips `held_out` of training, those of the evaluation with the lowest.

    Under torchrun all processes train together and the first one writes config.yaml, log.jsonl and checkpoints; only
    it gets the weights where they are shared. Raises InputError when there is a run already and `resume` is False, when
    it is True and the run had another configuration, and when the processes cannot share a batch.
    """
    team = Team.join()
    require_equal_shares(loop, team)
    if team.leads:
        _open_folder(out, to_yaml(config), resume=resume)
    team.wait()
    state = fresh_state(model, loop, team)
    saved = checkpoints(out)
    if resume and saved:
        state.load(saved[-1])
    team.wait()
    record = _Record(out, loop=loop, config=config, team=team, resume_at=state.step) if team.leads else None
    patience = loop.patience * loop.evaluate_every if held_out else 0
    # A run that had stopped for want of progress does not go on.
    reports = iter(()) if state.stalled(patience) else train(state, losses, loop, team=team)
    for report in record.throughput.counted(reports) if record else reports:
        last = report.step == loop.steps
        figures = {}
        if held_out and (last or report.step % loop.evaluate_every == 0):
            figures = held_out_terms(state, held_out, loop)
            improved = state.note_held_out(figures["held_out_loss"])
            last = last or state.stalled(patience)
        else:
            improved = False
        if record:
            record.write(report, figures, last=last)
        if last or improved or report.step % loop.save_every == 0:
            state.save(out, team)
        if last:
            break
    if record:
        record.close()
    if state.best_step is not None and state.best_step != state.step:
        state.load(checkpoint_path(out, state.best_step))
    return state.result()


class _Record:
    """What the first process tells of a training: log, trackers, progress bar, pictures."""

    def __init__(self, out: Path, *, loop: LoopConfig, config: Any, team: Team, resume_at: int) -> None:
        self.loop = loop
        self.out = out
        self.trackers = open_trackers(loop.trackers, out, as_dict(config), resume_at=resume_at)
        self.throughput = Throughput.measured(loop, team)
        self.log = Log(out / "log.jsonl", resume_at=resume_at)
        if resume_at == 0:
            facts = {"threads": torch.get_num_threads(), "cpus": os.cpu_count(), "processes": team.size}
            facts["matrix_product_gflops"] = round(self.throughput.peak / 1e9, 1)
            self.log.write(**provenance(as_dict(config), seed=loop.seed), **facts, device=str(team.device))
        self.bar = progress(loop.steps, "training", start=resume_at)
        self.unwritten: list[StepReport] = []

    def write(self, report: StepReport, held_out: dict[str, float], *, last: bool) -> None:
        """A line where one is due, and the bar."""
        self.unwritten.append(report)
        if last or held_out or report.step % self.loop.log_every == 0:
            terms = {name: round(value, 6) for name, value in (report.losses | held_out).items()}
            figures = terms | {"gradient_norm": round(report.gradient_norm, 5)} | self.throughput.of(self.unwritten)
            self.log.write(step=report.step, **figures, seconds=round(report.seconds, 4))
            for tracker in self.trackers:
                tracker.write(report.step, figures)
            self.unwritten = []
        self.bar.set_postfix(loss=f"{report.losses['loss']:.4f}", refresh=False)
        self.bar.update()

    def close(self) -> None:
        self.bar.close()
        for tracker in self.trackers:
            tracker.close()
        _draw_losses(self.out)


def _open_folder(out: Path, configuration: str, *, resume: bool) -> None:
    make_folder(out)
    recorded = out / "config.yaml"
    if checkpoints(out) and not resume:
        raise InputError(f"{out}: holds a run already, expected --resume or another --out")
    if resume and recorded.exists() and recorded.read_text() != configuration:
        raise InputError(f"{recorded}: another configuration than the one asked for, expected the same to resume")
    recorded.write_text(configuration)


def _draw_losses(out: Path) -> None:
    from cmmd.training.loss_picture import draw_gaps, draw_losses

    draw_losses(out / "log.jsonl", out / "losses.png")
    draw_gaps(out / "log.jsonl", out / "gaps.png")
