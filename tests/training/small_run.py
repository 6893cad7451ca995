"""A training of a small coupled U-Net in a process of its own; see the options below.

python small_run.py OUT [OPTION...]
"""

import argparse
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from safetensors.torch import save_file

from cmmd.data.encoded_clips import EncodedClips
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import ContrastiveConfig, TargetNegatives, WeightSchedule
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import BatchConfig, draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.distributed import Ranks
from cmmd.training.held_out import HeldOut
from cmmd.training.loop_config import ExecutionConfig, LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective
from cmmd.training.run import run_training
from cmmd.training.state import checkpoint_path
from cmmd.training.throughput import Throughput

LOOP = LoopConfig(
    steps=6,
    batch_size=8,
    execution=ExecutionConfig(micro_batches=2),
    optimizer=OptimizerConfig(learning_rate=1e-3, warmup=2),
    reports=ReportsConfig(save_every=3, log_every=1, evaluate_every=3),
)
NETWORK = NetworkConfig(video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, message_width=96)
BATCH = BatchConfig(
    size=8,
    frames=8,
    network=NETWORK,
    conditioning=ConditioningConfig(),
    contrastive=ContrastiveConfig(
        weight=0.1,
        schedule=WeightSchedule(begin=2),
        negatives="both",
        mismatches=("other_clip", "time_shift"),
        targets=TargetNegatives(count=2),
    ),
)


@dataclass(frozen=True)
class Settings:
    """As a recipe has them."""

    loop: LoopConfig


def small_clips(count: int, seed: int) -> EncodedClips:
    generator = torch.Generator().manual_seed(seed)
    return EncodedClips.of(
        torch.randn(count, 2, 12, 4, 4, generator=generator), torch.randn(count, 1, 16, 96, generator=generator)
    )


def objective(clips: EncodedClips, batch: BatchConfig, die: "Death | None" = None) -> Objective:
    def draw(step: int, micro_batch: MicroBatch) -> Any:
        return draw_batch(clips, batch, seed=0, step=step, micro_batch=micro_batch)

    def losses(model: Any, drawn: Any) -> Any:
        if die is not None:
            die.strike()
        return cmmd_losses(model, drawn, contrastive=batch.contrastive)

    return Objective(draw, losses)


class Death:
    """Kills this process, once, in the pass after a step was saved, if it has the rank that is to die.

    A file tells that it did: who is restarted may get another rank."""

    def __init__(self, *, step: int, rank: int, out: Path) -> None:
        self.saved = checkpoint_path(out, step)
        self.note = out.with_name(f"{out.name}.died")
        self.armed = step > 0 and int(os.environ.get("RANK", 0)) == rank

    def strike(self) -> None:
        if self.armed and self.saved.exists() and not self.note.exists():
            self.note.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die-at", type=int, default=-1, help="step, when it is saved")
    parser.add_argument("--die-rank", type=int, default=0)
    parser.add_argument("--fsdp", action="store_true")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--held-out", type=int, default=0, help="clips")
    parser.add_argument("--save-every", type=int, default=LOOP.reports.save_every)
    parser.add_argument("--plain", action="store_true", help="no operations in the log and nothing in the pictures")
    arguments = parser.parse_args(words)
    if arguments.plain:  # they take longer than so small a training and have no part in its end
        setattr(Throughput, "figures", lambda *_: {})  # noqa: B010 - another type
        setattr(Figure, "savefig", lambda _, path, **__: path.touch())  # noqa: B010
    torch.set_num_threads(1)
    torch.manual_seed(0)
    unet = CoupledUNet(frames=8, latent_channels=2, latent_size=4, mels=16, network=NETWORK)
    loop = replaced(LOOP, fsdp=arguments.fsdp, precision=arguments.precision, save_every=arguments.save_every)
    ranks = Ranks.join("cpu")
    die = Death(step=arguments.die_at, rank=arguments.die_rank, out=arguments.out)
    held_out = None
    if arguments.held_out:
        conditional = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)
        everything = replaced(BATCH.contrastive, negatives="conditions", weight=1.0, fraction=1.0, begin=0)
        size = arguments.held_out - arguments.held_out % 2
        batch = replace(BATCH, size=size, conditioning=conditional, contrastive=everything)
        held_out = HeldOut(objective=objective(small_clips(arguments.held_out, 1), batch), batch_size=size)
    result = run_training(
        unet,
        objective(small_clips(16, 0), BATCH, die),
        loop=loop,
        config=Settings(loop=loop),
        out=arguments.out,
        resume=arguments.resume,
        held_out=held_out,
        ranks=ranks,
    )
    if ranks.is_main:
        save_file(result.state_dict(), arguments.out / "result.safetensors")
    ranks.leave()


if __name__ == "__main__":
    main(sys.argv[1:])
