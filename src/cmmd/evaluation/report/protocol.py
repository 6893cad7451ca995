"""The tables of the evaluation protocol, from which another run can reproduce the figures (ours)."""

from cmmd.evaluation.record.schema import Protocol
from cmmd.evaluation.report.quantities import NOTHING, quantity
from cmmd.evaluation.report.tables import DIRECTION_NAMES, Cell, Table


def protocol_table(protocol: Protocol) -> Table:
    """Table of the evaluated data, the reading and comparison settings, and the package versions."""
    guidance = ", ".join(f"{DIRECTION_NAMES.get(name, name)} {value:g}" for name, value in protocol.guidance.items())
    rows = {
        "command": protocol.command,
        "commit": protocol.commit,
        "model": protocol.model,
        "sha256 of the model": protocol.model_sha256,
        "data": protocol.data,
        "clips asked for": str(protocol.samples) if protocol.samples else "all that were given",
        "reference clips": ", ".join(f"{group or 'all'} {count}" for group, count in protocol.reference_clips.items()),
        "seed": str(protocol.seed) if protocol.model else "",
        "steps": str(protocol.steps) if protocol.model else "",
        "guidance": guidance,
        "device": protocol.device,
        "video": f"{protocol.fps} fps, {protocol.image_size} pixels",
        "sound": f"{protocol.sample_rate} Hz, resampled by {protocol.resampler}",
        "reading": protocol.reading,
        "events match within": quantity(protocol.tolerance, "s"),
        "intervals": protocol.intervals,
        "versions": ", ".join(f"{package} {version}" for package, version in protocol.versions.items()),
    }
    return Table(head=("", "protocol"), rows=tuple((Cell(name), Cell(text or NOTHING)) for name, text in rows.items()))


def backbone_table(protocol: Protocol) -> Table:
    """Table of the networks whose embeddings were compared, with the hashes of their weights."""
    rows = tuple(
        tuple(map(Cell, (note.name, note.modality, note.preprocessing, note.windows, note.sha256)))
        for note in protocol.backbones
    )
    return Table(head=("backbone", "of", "preprocessing", "windows", "sha256"), rows=rows)
