"""Clips that are excluded from all figures, each with the reason (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cmmd.evaluation.measuring.media import failure_kind
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.evaluation.record.schema import Direction, FailedClip

NO_REFERENCE = "no reference of its name, expected one"
NO_CLIP = "no file, expected one for every reference clip"


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed clips in the order of their detection, without duplicates. system: "" for the reference."""

    clips: list[FailedClip] = field(default_factory=list)

    def add(self, system: str, direction: Direction, clip: ListedClip, reason: str) -> None:
        """Adds a clip that could not be read, is silent or lacks the modality."""
        self._add(system, direction, clip, reason, missing=failure_kind(reason) == "missing")

    def unpaired(self, system: str, direction: Direction, clips: Sequence[ListedClip], found: str) -> None:
        """Adds clips without a counterpart. found: `NO_REFERENCE` or `NO_CLIP`."""
        for clip in clips:
            self._add(system, direction, clip, f"{clip.name}: found {found}", missing=True)

    def _add(self, system: str, direction: Direction, clip: ListedClip, reason: str, *, missing: bool) -> None:
        failed = FailedClip(
            system=system,
            direction=direction,
            group=clip.group,
            name=clip.name,
            file=clip.file.name,
            kind="missing" if missing else failure_kind(reason),
            reason=reason,
        )
        if failed not in self.clips:
            self.clips.append(failed)
