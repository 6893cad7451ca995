"""Sound at any level: how well the picture made for it is in time, with the gain of the model and without.

    python benchmarks/levels.py --clips 20

Clips of the world are scaled to a root mean square in dB of full scale. Events are read off the made picture.
"""

import numpy as np
from harness import options

from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

LEVELS = (-40, -30, -20, -8)
FIRST_SEED = 4_500_000


def scaled(waveform: np.ndarray, level: float) -> np.ndarray:
    """To `level` dB RMS; peaks may be beyond full scale."""
    return waveform * np.float32(10 ** (level / 20) / np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def main() -> None:
    parser = options(__doc__, "--model")
    parser.add_argument("--family", choices=["impacts", "dance"], default="impacts")
    parser.add_argument("--clips", type=int, default=20)
    arguments = parser.parse_args()
    pipeline, detector = load_pipeline(arguments.model, device="cpu"), load_visual_event_detector()
    known = pipeline.levels
    clips = [world_clip(arguments.family, FIRST_SEED + index) for index in range(arguments.clips)]
    true = [clip.event_times for clip in clips]
    rows = []
    for level in progress(LEVELS, "levels"):
        cells = []
        for levels in (None, known):
            pipeline.levels = levels
            takes = [pipeline.audio_to_video(scaled(clip.waveform, level))[0] for clip in clips]
            score = measure_alignment([detector.times(take.frames) for take in takes], true).at(0.1)
            cells.append(f"{score.f1:.3f} ({score.low:.3f}-{score.high:.3f})")
        rows.append((f"{level} dB", *cells))
    print(markdown_table(rows, head=("RMS", "F1@100 as it is", "F1@100 at levels that the model knows")))


if __name__ == "__main__":
    main()
