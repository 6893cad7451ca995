"""Selects the clips for figures 2 and 3 of a report by rank: middle, worst and best, none picked by hand (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmmd.evaluation.record.protocol import Protocol
from cmmd.evaluation.record.schema import ClipRow, Record, Result
from cmmd.evaluation.report.event_figures import (
    Sound,
    Strip,
    figure_sounds_under_video,
    figure_videos_under_sound,
)
from cmmd.evaluation.report.media import Media, frames_of, sound_of
from cmmd.evaluation.report.tables import Section, results_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANKS = {"middle": 0.5, "worst": 0.0, "best": 1.0}


@dataclass(frozen=True, slots=True)
class Example:
    """rank: a key of `RANKS`. agreement: event F1 of the first system's clip. rows: the clip's row by system."""

    rank: str
    agreement: float
    rows: dict[str, ClipRow]


def agreement(row: ClipRow) -> float:
    """F1 of one clip's events; 1 if neither side has an event."""
    total = len(row.found) + len(row.true)
    return 2 * len(row.pairs) / total if total else 1.0


def examples(record: Record, section: Section) -> tuple[Example, ...]:
    """Selects from the first system's clips with true events, ranked by `agreement`; no clip occurs twice."""
    results = results_of(record, section)
    if not results:
        return ()
    first = next(iter(results.values()))
    ranked = sorted((row for row in first.clips if row.true), key=agreement)
    chosen: dict[str, Example] = {}
    for rank, share in RANKS.items():
        if ranked:
            row = ranked[round(share * (len(ranked) - 1))]
            chosen.setdefault(row.name, Example(rank, agreement(row), _rows(results, row.name)))
    return tuple(chosen.values())


def _rows(results: dict[str, Result], name: str) -> dict[str, ClipRow]:
    found = (
        (system, next((row for row in result.clips if row.name == name), None)) for system, result in results.items()
    )
    return {system: row for system, row in found if row is not None}


def draw_example(example: Example, section: Section, protocol: Protocol, media: Media) -> "Figure":
    """Draws figure 2 or 3, depending on the direction. Raises InputError if a file cannot be read."""
    one = next(iter(example.rows.values()))
    reference = media.read(one.reference, protocol)
    shared = {"sample_rate": protocol.clip_format.sample_rate, "tolerance": protocol.tolerance}
    clips = [(system, media.read(row.generated, protocol), row.found) for system, row in example.rows.items()]
    if section.direction == "video_to_audio":
        return figure_sounds_under_video(
            frames_of(reference),
            protocol.clip_format.fps,
            true=Sound("true sound", sound_of(reference), one.true),
            generated=[Sound(system, sound_of(clip), found) for system, clip, found in clips],
            **shared,
        )
    true = None if reference.frames is None else Strip("true video", reference.frames, one.true)
    return figure_videos_under_sound(
        Sound("sound", sound_of(reference), one.true),
        true=true,
        generated=[Strip(system, frames_of(clip), found) for system, clip, found in clips],
        fps=protocol.clip_format.fps,
        **shared,
    )


def example_caption(example: Example, section: Section, systems: Sequence[str]) -> str:
    """Caption: how the clip was selected, what the figure shows, and what to look for."""
    rule = (
        f"Clip {next(iter(example.rows.values())).name}: the {example.rank} of the clips by the F1 of its events for"
        f" {systems[0]} ({example.agreement:.2f})."
    )
    if section.direction == "video_to_audio":
        return (
            f"{rule} The video, its true sound, and what was made for it. Look for blue triangles under the grey ones:"
            " true events that are heard in time. A vermilion cross is a sound that nothing in the video makes, a ring"
            " an event that stays silent."
        )
    return (
        f"{rule} The sound, the video it belongs to, and what was made for it. Look for blue triangles under the grey"
        " ones: sounds whose event is seen in time. A vermilion cross is an event seen without a sound, a ring a sound"
        " without an event."
    )
