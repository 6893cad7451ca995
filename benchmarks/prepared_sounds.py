"""Compares generated and true spectrograms of a prepared test split, for the same clip and for different clips.

    python benchmarks/prepared_sounds.py MODEL PREPARED PICTURE.png

Prints the mean absolute difference of log-mel spectrograms, in standard deviations: between the generated sound and the
true sound of its clip, between the generated sound and the true sound of another clip, and between true sounds of
different clips. If the first two are equal, the model ignores the video.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from cmmd.data.prepared_clips import PreparedClips
from cmmd.data.training_clips import ClipBatch
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline

ROWS = 4
"""Number of clips in the picture, one per column."""
SEED = 0


def draw(pipeline: CMMDPipeline, clips: ClipBatch, made: torch.Tensor, path: Path) -> None:
    """Draws frames, true log-mel and generated log-mel from top to bottom, one column per clip."""
    frames = pipeline.decode_video(clips.video[:ROWS])
    figure, axes = plt.subplots(3, ROWS, figsize=(3.4 * ROWS, 5.4), height_ratios=(1, 1.6, 1.6), squeeze=False)
    seconds = clips.video.shape[2] / pipeline.geometry.fps
    for column in range(ROWS):
        strip = np.concatenate(list(frames[column][:: max(1, len(frames[column]) // 4)][:4]), axis=1)
        axes[0, column].imshow(strip, aspect="auto", extent=(0, seconds, 0, 1))
        axes[0, column].set_yticks([])
        axes[0, column].tick_params(labelbottom=False)
        for row, sound in ((1, clips.audio[column, 0]), (2, made[column, 0])):
            axes[row, column].imshow(
                sound, origin="lower", aspect="auto", cmap="magma", vmin=-2.5, vmax=2.5, extent=(0, seconds, 0, 64)
            )
            axes[row, column].set_yticks([])
        axes[1, column].tick_params(labelbottom=False)
        axes[2, column].set_xlabel("seconds")
    for row, name in enumerate(("frames", "true sound", "generated sound")):
        axes[row, 0].set_ylabel(name)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float)
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model, device="cpu")
    known = {"video": pipeline.statistics["video"], "audio": pipeline.statistics["audio"]}
    test = PreparedClips.open(arguments.prepared, split="test").standardised_as(**known)
    frames = min(clip.frames for clip in test.locations)
    chosen = torch.arange(min(arguments.clips, len(test)))
    clips = test.crops(chosen, frames=frames, start=torch.zeros(len(chosen)))
    noise = pipeline.noise("audio", frames, seed=SEED, items=len(chosen))
    config = SamplingConfig(steps=arguments.steps, guidance=arguments.guidance)
    made = pipeline.sample(clips.video, noise, "video_to_audio", config)
    draw(pipeline, clips, made, arguments.picture)
    other = torch.roll(torch.arange(len(chosen)), 1)
    for name, a, b in (
        ("generated and true sound of one clip", made, clips.audio),
        ("generated sound and true one of another clip", made, clips.audio[other]),
        ("true sounds of different clips", clips.audio, clips.audio[other]),
    ):
        differences = (a - b).abs().flatten(1).mean(1)
        half = 1.96 * differences.std() / len(differences) ** 0.5
        print(f"{name:<46} {differences.mean():.3f} +- {half:.3f}  ({len(differences)} clips of {frames} frames)")


if __name__ == "__main__":
    main()
