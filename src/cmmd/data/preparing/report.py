"""Summary of a preparation: clips, minutes, splits, skipped clips and reasons, shard sizes, speed (ours)."""

from collections import Counter
from pathlib import Path

from cmmd.data.preparing.prepare import Prepared
from cmmd.data.shards import INDEX, read_json

LISTED = 20
"""Maximum number of skipped entries, and of missing shards, that are printed. The index lists all skipped entries."""


def report(prepared: Prepared, out: Path) -> str:
    """Returns a few lines of text, about the whole folder if it is finished, otherwise about this process. Raises
    InputError when the index cannot be read."""
    speed = prepared.clips / prepared.seconds if prepared.clips else 0.0
    where = f"{prepared.workers} workers" if prepared.engine == "local" else "Ray"
    lines = [
        f"{prepared.encoded} shards made, {prepared.found} were complete: {prepared.clips} clips in "
        f"{prepared.seconds:.1f} s, {speed:.2f} clips/s with {where}"
    ]
    if prepared.missing:
        shown = ", ".join(map(str, prepared.missing[:LISTED])) + (" ..." if len(prepared.missing) > LISTED else "")
        return "\n".join([*lines, f"{out}: {len(prepared.missing)} shards of other parts are missing: {shown}"])
    index = read_json(out / INDEX, expected="the index of prepared clips")
    fps = index["settings"]["geometry"]["fps"]
    for split, found in index["splits"].items():
        minutes = found["frames"] / fps / 60
        lines.append(f"{split:<10} {found['clips']:>7} clips {minutes:>9.1f} min {found['groups']:>6} sources")
    sizes = [shard["bytes"] for shard in index["shards"]]
    lines.append(f"{out}: {len(sizes)} shards, {sum(sizes) / 1e6:.1f} MB, the largest {max(sizes) / 1e6:.1f} MB")
    skipped = index["skipped"]
    if skipped:
        reasons = Counter(_kind(reason) for _, reason in skipped)
        lines.append(
            f"left out: {len(skipped)} ({', '.join(f'{count} {reason}' for reason, count in reasons.most_common())})"
        )
        lines += [f"  {name}: {reason}" for name, reason in skipped[:LISTED]]
        lines += [f"  and {len(skipped) - LISTED} more, all in {INDEX}"] if len(skipped) > LISTED else []
    return "\n".join(lines)


_KINDS = (
    *("no sound", "no video", "silent", "ended the process", "took longer", "ignore list", "another camera"),
    *("not named as AIST files", "video is not there", "leads nowhere", "empty folder", "annotated twice"),
    *("stops before it starts", "beyond the end of its file"),
)


def _kind(reason: str) -> str:
    """Returns the kind of a reason, without details of the file."""
    for kind in _KINDS:
        if kind in reason:
            return kind
    return "too short" if "expected at least" in reason else "cannot be read"
