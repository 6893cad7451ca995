"""A run on disk: the loop with its log, checkpoints, progress bar and loss picture in one folder (ours)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cmmd.configuration import as_dict, to_yaml
from cmmd.errors import InputError
from cmmd.progress import progress
from cmmd.training.log import Log, provenance
from cmmd.training.loop import LoopConfig, Losses, StepReport, fresh_state, require_equal_shares, train
from cmmd.training.state import TrainingState, checkpoints
from cmmd.training.team import Team


def run_training(
    model: nn.Module, losses: Losses, *, loop: LoopConfig, config: Any, out: Path, resume: bool
) -> nn.Module:
    """Train `model` into folder `out` and return the averaged weights' model, in eval mode.

    Under torchrun all processes train together and the first one writes config.yaml, log.jsonl and checkpoints. Raises
    InputError when there is a run already and `resume` is False, when it is True and the run had another configuration,
    and when the processes cannot share a batch.
    """
    team = Team.join()
    require_equal_shares(loop, team)
    if team.leads:
        _open_folder(out, to_yaml(config), resume=resume)
    team.wait()
    state = fresh_state(model.to(team.device), loop)
    saved = checkpoints(out)
    if resume and saved:
        state.load(saved[-1])
    team.wait()
    reports = train(state, losses, loop, team=team)
    if team.leads:
        _record(reports, state, loop=loop, config=config, out=out, team=team)
    else:
        for _ in reports:
            pass
    return state.average.module.eval()


def _record(
    reports: Iterator[StepReport], state: TrainingState, *, loop: LoopConfig, config: Any, out: Path, team: Team
) -> None:
    """Follow a training to its end: log, checkpoints, progress bar, pictures."""
    log = Log(out / "log.jsonl", resume_at=state.step)
    if state.step == 0:
        facts = {"threads": torch.get_num_threads(), "cpus": os.cpu_count(), "processes": team.size}
        log.write(**provenance(as_dict(config), seed=loop.seed), **facts, device=str(team.device))
    bar = progress(loop.steps, "training", start=state.step)
    for report in reports:
        if report.step % loop.log_every == 0 or report.step == loop.steps:
            rounded = {name: round(value, 6) for name, value in report.losses.items()}
            log.write(
                step=report.step,
                **rounded,
                gradient_norm=round(report.gradient_norm, 5),
                seconds=round(report.seconds, 4),
            )
        if report.step % loop.save_every == 0 or report.step == loop.steps:
            state.save(out)
        bar.set_postfix(loss=f"{report.losses['loss']:.4f}", refresh=False)
        bar.update()
    bar.close()
    _draw_losses(out)


def _open_folder(out: Path, configuration: str, *, resume: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
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
