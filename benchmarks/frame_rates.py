"""Events in video at several frame rates: equally trained event encoders, on hits of the world and on real clips.

    python benchmarks/frame_rates.py [--real FOLDER] [--rates 10 20]

Trains an event encoder per rate, as `world.events` does but on hits only: the plain families exist at 10 frames per
second only. Number of clips, seconds of a crop, steps and seed are the same. Its events are the peaks of its output
above 0.3. They are compared with the known events of unseen clips of hits, and with the onsets of real clips as in
`real_hits.py` (--real: its folder).
"""

import csv
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from harness import options
from real_hits import Judged, clear_onsets, gain, judged

from cmmd.clips.reading import read_clip
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig
from cmmd.documents.markdown import markdown_table
from cmmd.files.inline_groups import replaced
from cmmd.latents.event_encoder import EventEncoder
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import BINS_PER_FRAME, frames_to_video, pick_events
from cmmd.recipes.event_examples import event_examples
from cmmd.recipes.events import EventsRecipe, events_objective
from cmmd.runtime.progress import progress
from cmmd.training.distributed import Ranks
from cmmd.training.run import run_training

CLIP, CROP = 4.8, 2.4
"""Seconds of a rendered clip, and of a training crop."""
THRESHOLD = 0.3
UNSEEN = 6_000_000
"""Seed of the first world clip that is measured."""
HEAD = ("", "CPU minutes", "hits: F1@50", "F1@100", "real: F1@100", "gain (95 % over sources)")


def train(fps: int, *, clips: int, steps: int) -> tuple[EventEncoder, float]:
    """Returns an encoder, and the CPU minutes of its training without the rendering."""
    recipe = EventsRecipe()
    data = WorldConfig(families=("hits",), clips=clips, frames=round(CLIP * fps), seed=recipe.data.seed)
    examples = event_examples(data, fps=fps)
    loop = replaced(recipe.loop, steps=steps, save_every=steps)
    objective = events_objective(*examples, crop=round(CROP * fps), batch_size=loop.batch_size, seed=loop.seed)
    torch.manual_seed(loop.seed)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as out:
        trained = run_training(
            EventEncoder(widths=recipe.widths),
            objective,
            loop=loop,
            config=recipe,
            out=Path(out) / "run",
            resume=False,
            ranks=Ranks.join("cpu"),
        )
    assert isinstance(trained, EventEncoder)
    return trained.eval(), (time.process_time() - began) / 60


@torch.no_grad()
def seen(encoder: EventEncoder, frames: np.ndarray, fps: int) -> np.ndarray:
    """Returns the times of events in the frames of a clip, s."""
    probability = encoder(frames_to_video(torch.from_numpy(frames)[None]))[0].sigmoid().numpy()
    return pick_events(probability, bins_per_second=fps * BINS_PER_FRAME, threshold=THRESHOLD).times


def on_hits(encoder: EventEncoder, fps: int, clips: int) -> list[str]:
    """Returns the F1 within 50 and within 100 ms."""
    made = [world_clip("hits", UNSEEN + index, frames=round(CLIP * fps), fps=fps) for index in range(clips)]
    found = [seen(encoder, clip.frames, fps) for clip in made]
    report = measure_alignment(found, [clip.event_times for clip in made], shuffles=1)
    return [f"{report.at(tolerance).f1:.3f}" for tolerance in (0.05, 0.1)]


def on_real_clips(encoder: EventEncoder, fps: int, folder: Path) -> list[str]:
    """Returns the mean F1 within 100 ms, and the gain over shifted events with its interval."""
    takes: list[Judged] = []
    with (folder / "MANIFEST.csv").open() as file:
        for row in progress(list(csv.DictReader(file)), f"real clips, {fps} fps", unit="clip"):
            clip = read_clip(folder / row["file"], fps=fps)
            assert clip.frames is not None and clip.waveform is not None
            true = clear_onsets(clip.waveform, clip.sample_rate)
            takes.append(judged(seen(encoder, clip.frames, fps), true, clip.seconds, row))
    mean, low, high = gain(takes)
    return [f"{statistics.mean(take.f1 for take in takes):.3f}", f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[10, 20], help="frames per second")
    parser.add_argument("--real", type=Path, help="folder of real clips with a MANIFEST.csv")
    parser.add_argument("--clips", type=int, default=400, help="training clips")
    parser.add_argument("--unseen", type=int, default=100, help="clips of hits that are measured")
    parser.add_argument("--steps", type=int, default=800)
    arguments = parser.parse_args()
    rows = []
    for fps in arguments.rates:
        encoder, minutes = train(fps, clips=arguments.clips, steps=arguments.steps)
        real = on_real_clips(encoder, fps, arguments.real) if arguments.real else ["-", "-"]
        world = on_hits(encoder, fps, arguments.unseen)
        rows.append((f"{fps} fps", f"{minutes:.1f}", *world, *real))
        print(markdown_table(rows, head=HEAD), flush=True)


if __name__ == "__main__":
    main()
