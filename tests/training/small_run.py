"""A training of a small coupled U-Net in a process of its own; see the options below."""

import argparse
import os
import signal
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from cmmd.data.encoded_clips import EncodedClips
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.training.denoising import denoising_step
from cmmd.training.loop import LoopConfig, Losses, Part
from cmmd.training.run import run_training
from cmmd.training.team import Team

LOOP = LoopConfig(steps=8, batch_size=16, parts=2, learning_rate=1e-3, warmup=2, save_every=1, log_every=1)


def dying(losses: Losses, at: int) -> Losses:
    def wrapped(model: nn.Module, part: Part, generator: torch.Generator):
        if part.step == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return losses(model, part, generator)

    return wrapped


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die-at", type=int, default=-1)
    parser.add_argument("--share-weights", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    clips = EncodedClips.of(
        torch.randn(16, 2, 12, 4, 4, generator=generator), torch.randn(16, 1, 16, 96, generator=generator)
    )
    losses = denoising_step(
        clips, ConditioningConfig(), frames=8, batch_size=16, seed=0, contrastive=ContrastiveConfig(weight=0.1)
    )
    torch.manual_seed(0)
    unet = CoupledUNet(
        frames=8, latent_channels=2, latent_size=4, mels=16, video_widths=(16, 24), audio_widths=(16, 24), heads=2
    )
    loop = replace(LOOP, share_weights=arguments.share_weights)
    losses = dying(losses, arguments.die_at)
    # One configuration on record, so that a run that shared goes on in one that does not.
    result = run_training(unet, losses, loop=loop, config=LOOP, out=arguments.out, resume=arguments.resume)
    team = Team.join()
    if team.leads:
        save_file(result.state_dict(), arguments.out / "result.safetensors")
    team.leave()


if __name__ == "__main__":
    main()
