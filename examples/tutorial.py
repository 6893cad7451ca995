"""A tutorial: sound for a clip, takes, a stretch that stays, a clip for a sound, and how well it is in time.

    python examples/tutorial.py [FOLDER]

It takes half a minute on two cores and writes to FOLDER (default: runs/tutorial). Editors show each `# %%` as a cell.
"""

# %% A clip with known events: ten frames a second, and the times at which something sounds.
import sys
from pathlib import Path

from cmmd import CMMDPipeline, world_clip, write_sound, write_video
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tutorial")
folder.mkdir(parents=True, exist_ok=True)
clip = world_clip("impacts", seed=3_000_000, frames=24)
write_video(clip.frames, folder / "silent.mp4", fps=clip.fps)
print(f"{len(clip.frames)} frames, events at {', '.join(f'{time:.2f} s' for time in clip.event_times)}")

# %% Its sound. A model is loaded once; `seed` repeats a result, `steps` trades time for quality.
pipeline = CMMDPipeline.from_pretrained()
(take,) = pipeline.video_to_audio(folder / "silent.mp4", seed=1, steps=12)
take.save(folder / "with_sound.mp4")
print(take)

# %% How well it is in time: onsets that are heard against events that are known, within 50 ms.
heard = sound_onsets(take.waveform, sample_rate=take.sample_rate).times
score = measure_alignment([heard], [clip.event_times], shuffles=1).at(0.05)
print(f"F1 within 50 ms: {score.f1:.2f}")

# %% Progress: `on_step` is called after every step of every take. An exception in it ends the work: that is cancelling.
done = []


class Cancelled(Exception):
    """Raised by a caller who has seen enough."""


def stop_after_five(step: int) -> None:
    done.append(step)
    if len(done) == 5:
        raise Cancelled


try:
    pipeline.video_to_audio(folder / "silent.mp4", steps=12, on_step=stop_after_five)
except Cancelled:
    print(f"cancelled after {len(done)} of 12 steps")

# %% Several takes, and the one that the model itself finds to belong best to the picture.
takes = pipeline.video_to_audio(folder / "silent.mp4", takes=3, steps=12, judge=True)
best = max(takes, key=lambda one: one.alignment or 0.0)
best.save(folder / "best.mp4")
print(*takes, sep="\n")

# %% A stretch stays, and the rest is generated to fit: here the first 0.8 s of the take from above.
(longer,) = pipeline.video_to_audio(folder / "with_sound.mp4", keep=[(0.0, 0.8)], seed=2, steps=12)
longer.save(folder / "continued.mp4")

# %% The other direction: a clip for a sound.
write_sound(clip.waveform, folder / "sound.wav", sample_rate=16_000)
(seen,) = pipeline.audio_to_video(folder / "sound.wav", seed=1, steps=12)
seen.save(folder / "with_picture.mp4")
print(seen)
