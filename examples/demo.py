"""A silent clip gets its sound, a sound gets its clip, each with a picture: what `make demo` runs."""

from pathlib import Path

from cmmd.cli import main
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.clip import FPS, SAMPLE_RATE
from cmmd.data.world.families import world_clip

FOLDER = Path("runs/demo")
UNSEEN = 3_000_000
"""Far from the seeds of training and of scoring."""


def demo() -> None:
    """Write two inputs that the model has never seen, and generate what each lacks."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    silent, sound = FOLDER / "silent.mp4", FOLDER / "sound.wav"
    write_video(world_clip("impacts", UNSEEN, frames=32).frames, silent, fps=FPS)
    write_sound(world_clip("dance", UNSEEN, frames=32).waveform, sound, sample_rate=SAMPLE_RATE)
    options = ["--picture", "--overwrite", "--out", f"{FOLDER / 'generated'}/"]
    code = main(["generate", str(silent), str(sound), *options])
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    demo()
