"""The tables of the evaluation protocol, from which another run can reproduce the figures (ours)."""

from cmmd.evaluation.record.protocol import Protocol
from cmmd.evaluation.report.quantities import NOTHING, quantity
from cmmd.evaluation.report.tables import DIRECTION_NAMES, Cell, Table


def protocol_table(protocol: Protocol) -> Table:
    """Table of the evaluated data, the reading and comparison settings, and the package versions."""
    generation, clips, software = protocol.generation, protocol.clip_format, protocol.software
    rows = {
        "command": protocol.command,
        "commit": software.commit,
        "model": generation.model,
        "sha256 of the model": generation.model_sha256,
        "data": generation.data,
        "clips asked for": str(generation.samples) if generation.samples else "all that were given",
        "reference clips": ", ".join(f"{group or 'all'} {count}" for group, count in protocol.reference_clips.items()),
        "seed": str(generation.seed) if generation.model else "",
        "steps": str(generation.steps) if generation.model else "",
        "guidance": _by_direction(generation.guidance),
        "temperature": _by_direction(generation.temperature),
        "device": generation.device,
        "video": f"{clips.fps} fps, {clips.image_size} pixels",
        "sound": f"{clips.sample_rate} Hz, resampled by {protocol.methods.resampler}",
        "reading": protocol.methods.reading,
        "events match within": quantity(protocol.tolerance, "s"),
        "intervals": protocol.methods.intervals,
        "versions": ", ".join(f"{package} {version}" for package, version in software.versions.items()),
    }
    return Table(head=("", "protocol"), rows=tuple((Cell(name), Cell(text or NOTHING)) for name, text in rows.items()))


def _by_direction(values: dict[str, float]) -> str:
    return ", ".join(f"{DIRECTION_NAMES.get(name, name)} {value:g}" for name, value in values.items())


def backbone_table(protocol: Protocol) -> Table:
    """Table of the networks whose embeddings were compared, with the hashes of their weights."""
    rows = tuple(
        tuple(map(Cell, (note.name, note.modality, note.preprocessing, note.windows, note.sha256)))
        for note in protocol.backbones
    )
    return Table(head=("backbone", "of", "preprocessing", "windows", "sha256"), rows=rows)
