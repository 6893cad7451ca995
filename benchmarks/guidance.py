"""Compares classifier-free and contrastive guidance: alignment and quality over strength, as a table and a picture.

    python benchmarks/guidance.py PICTURE.png

Strength 0 is the conditional model alone. Strength s adds s times the difference from the prediction without condition
(classifier-free guidance 1 + s) or from the prediction under a wrong condition (contrastive guidance).
"""

from pathlib import Path

from harness import options
from matplotlib.figure import Figure

from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.record.schema import WorldScore
from cmmd.evaluation.samples.true_clips import WorldSet
from cmmd.evaluation.samples.world_scores import score_pipeline
from cmmd.pipelines.loading import load_pipeline

STRENGTHS = (0.0, 0.5, 1.0, 2.0, 3.5, 5.0)
F1 = "onset F1 at 50 ms"
KINDS = ("classifier-free", "contrastive")
GUIDED: tuple[Direction, ...] = ("video_to_audio", "audio_to_video")
PANELS: tuple[tuple[Direction, str, str], ...] = (
    ("video_to_audio", F1, "sound for video: onset F1@50"),
    ("video_to_audio", "spectrogram distance", "sound for video: spectrogram distance"),
    ("audio_to_video", F1, "video for sound: event F1@50"),
)


def main() -> None:
    parser = options(__doc__, "--model")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--split", choices=["standard", "hard"], default="standard")
    parser.add_argument("--clips", type=int, default=60)
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model, device="cpu")
    world = WorldSet(family="impacts", split=arguments.split, clips=arguments.clips, seed=2_000_000)
    found: dict[tuple[str, float, Direction], WorldScore] = {}
    for direction in GUIDED:
        for strength in STRENGTHS:
            for kind in KINDS if strength else KINDS[:1]:
                sampling = SamplingConfig(guidance=1.0, temperature=1, contrast=strength)
                if kind == "classifier-free":
                    sampling = SamplingConfig(guidance=1.0 + strength, temperature=1)
                (found[kind, strength, direction],) = score_pipeline(pipeline, world, [direction], sampling)
    print(table(found))
    # At strength 0 both kinds are the conditional model.
    for direction in GUIDED:
        found[KINDS[1], 0.0, direction] = found[KINDS[0], 0.0, direction]
    draw(found, arguments.picture)


def table(found: dict[tuple[str, float, Direction], WorldScore]) -> str:
    rows = []
    for (kind, strength, direction), score in found.items():
        offset = f"{1000 * score.metric('median absolute offset').value:.1f} ms"
        shown = "-" if direction == "audio_to_video" else f"{score.metric('spectrogram distance').value:.2f}"
        rows.append(
            (direction.replace("_", " "), kind, f"{strength:g}", f"{score.metric(F1).value:.3f}", offset, shown)
        )
    return markdown_table(rows, head=("", "guidance", "strength", "F1@50", "offset", "spectrogram"))


def draw(found: dict[tuple[str, float, Direction], WorldScore], picture: Path) -> None:
    """Plots one panel per entry of `PANELS`, with one line per kind of guidance."""
    figure = Figure(figsize=(3.8 * len(PANELS), 3.4), layout="constrained")
    for axes, (direction, measure, title) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for kind in KINDS:
            points = [found[kind, strength, direction].metric(measure).value for strength in STRENGTHS]
            axes.plot(STRENGTHS, points, marker="o", markersize=4, label=kind)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("strength")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()
