"""Generates sound for every file of some folders and writes a Markdown table of the results, including failures.

    python benchmarks/media_files.py FOLDER... --out TABLE.md

Each file runs in a separate process with a time limit, so that crashes and hangs are rows of the table too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 300
"""Time limit per file, in seconds."""
HEAD = ("file", "result", "seconds in", "seconds out", "picture", "packets (sha256)", "peak", "RMS dB")
NOT_MEDIA = {".csv", ".md", ".txt", ".json"}


def generate_one(path: Path, steps: int) -> dict:
    """Generates sound for one file, reads the output back and returns its properties."""
    import numpy as np

    from cmmd.clips.encoding import CONTAINERS
    from cmmd.clips.probing import probe
    from cmmd.clips.reading import read_clip
    from cmmd.pipelines.loading import load_pipeline

    pipeline = load_pipeline(None, device="cpu")
    take = pipeline.video_to_audio(path, steps=steps)[0]
    suffix = path.suffix.lower() if path.suffix.lower() in CONTAINERS else ".mp4"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out{suffix}"
        muxed = take.save(out)
        sound = read_clip(out, want="audio").waveform
        assert muxed is not None
        info = probe(path)
        assert sound is not None
        return {
            "in": info.seconds,
            "out": probe(out).seconds,
            "frame": 1 / (info.video.frame_rate or 25),
            "copied": muxed.copied,
            "same": muxed.copied and muxed.video_packet_hash_in == muxed.video_packet_hash_out,
            "hash": (muxed.video_packet_hash_out or "")[:12],
            "peak": float(np.abs(take.waveform).max()),
            "rms": float(20 * np.log10(max(np.sqrt(np.mean(take.waveform**2)), 1e-9))),
            "heard": len(sound),
        }


def row(path: Path, steps: int) -> tuple[str, ...]:
    """Runs one file in a separate process and returns its row of the table."""
    command = [sys.executable, __file__, "--one", str(path), "--steps", str(steps)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return (path.name, f"HANG: over {LIMIT} s", *("",) * 6)
    if run.returncode == 2:
        return (path.name, run.stderr.strip().splitlines()[-1].replace("|", "/"), *("",) * 6)
    if run.returncode:
        return (path.name, f"CRASH: exit code {run.returncode}", *("",) * 6)
    facts = json.loads(run.stdout.strip().splitlines()[-1])
    kept = "identical packets" if facts["same"] else "copied, reframed" if facts["copied"] else "encoded again"
    within = abs(facts["in"] - facts["out"]) <= facts["frame"] + 1e-3
    return (
        path.name,
        "sound" if within else "sound, LENGTH DIFFERS",
        f"{facts['in']:.3f}",
        f"{facts['out']:.3f}",
        kept,
        facts["hash"],
        f"{facts['peak']:.2f}",
        f"{facts['rms']:.1f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        from cmmd.errors import InputError

        try:
            print(json.dumps(generate_one(arguments.one, arguments.steps)))
        except InputError as error:
            print(str(error).replace(f"{arguments.one.parent}/", ""), file=sys.stderr)
            raise SystemExit(2) from None
        return
    lines = []
    for folder in arguments.folders:
        lines += [f"\n### {folder.name}\n", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() not in NOT_MEDIA):
            lines.append("| " + " | ".join(row(path, arguments.steps)) + " |")
            print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
