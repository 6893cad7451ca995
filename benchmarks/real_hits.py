"""Real clips with visible hits: onsets of the generated sound against those of the true sound, beside chance.

    python benchmarks/real_hits.py CLIP...

There are no known event times: the true sound's onsets stand for them, so the figure is bounded by the detector too.
"""

import argparse
from pathlib import Path

from cmmd.clips.reading import read_clip
from cmmd.evaluation.alignment import measure_alignment
from cmmd.evaluation.sound_onsets import sound_onsets
from cmmd.pipeline import load_pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--takes", type=int, default=3)
    arguments = parser.parse_args()
    pipeline = load_pipeline(None, device="cpu")
    heard, true = [], []
    for path in arguments.clips:
        waveform = read_clip(path, want="audio").waveform
        known = sound_onsets(waveform).times
        takes = pipeline.video_to_audio(path, takes=arguments.takes)
        for take in takes:
            heard.append(sound_onsets(take.waveform, sample_rate=take.sample_rate).times)
            true.append(known)
        one = measure_alignment(heard[-len(takes) :], true[-len(takes) :], shuffles=1).at(0.1)
        print(
            f"{path.name}: F1@100 {one.f1:.3f}, {len(known)} true onsets, {one.found / len(takes):.1f} generated a take"
        )
    # Chance pairs each take with the true onsets of another clip.
    report = measure_alignment(heard, true).at(0.1)
    print(f"all: F1@100 {report.f1:.3f} ({report.low:.3f}-{report.high:.3f}), chance {report.chance:.3f}")


if __name__ == "__main__":
    main()
