"""Real clips with visible hits: onsets of the generated sound against those of the true sound, beside chance.

    python benchmarks/real_hits.py CLIP...

There are no known event times: the true sound's onsets stand for them, so the figure is bounded by the detector too.
"""

import argparse
from pathlib import Path

from cmmd.clips.reading import read_clip
from cmmd.loading import load_pipeline
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import RECORDINGS, sound_onsets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--takes", type=int, default=3)
    arguments = parser.parse_args()
    pipeline = load_pipeline(None, device="cpu")
    true = []
    heard: list[list] = [[] for _ in range(arguments.takes)]
    for path in arguments.clips:
        waveform = read_clip(path, want="audio").waveform
        assert waveform is not None
        true.append(sound_onsets(waveform, settings=RECORDINGS).times)
        takes = pipeline.video_to_audio(path, takes=arguments.takes)
        found = [sound_onsets(take.waveform, sample_rate=take.sample_rate, settings=RECORDINGS).times for take in takes]
        for take, times in zip(heard, found, strict=True):
            take.append(times)
        one = measure_alignment(found, true[-1:] * arguments.takes, shuffles=1).at(0.1)
        counts = f"{len(true[-1])} true onsets, {one.found / arguments.takes:.1f} generated a take"
        print(f"{path.name}: F1@100 {one.f1:.3f}, {counts}")
    # Take by take, so that chance pairs a take with the onsets of another clip and never with its own.
    for number, take in enumerate(heard, start=1):
        score = measure_alignment(take, true).at(0.1)
        print(f"take {number}: F1@100 {score.f1:.3f} ({score.low:.3f}-{score.high:.3f}), chance {score.chance:.3f}")


if __name__ == "__main__":
    main()
