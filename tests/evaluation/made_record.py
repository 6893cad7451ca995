"""A small record as an evaluation writes it, for tests of what reads records."""

import math

from cmmd.evaluation.record.protocol import BackboneNote, ClipFormat, Generation, Methods, Protocol, Software
from cmmd.evaluation.record.schema import (
    VERSION,
    Better,
    ClipRow,
    CopyRow,
    DelayCurve,
    DelayResponse,
    Direction,
    FailedClip,
    Memorisation,
    Metric,
    Record,
    Result,
    SetDistance,
    SplitDistance,
    System,
)


def made_metric(name: str, value: float, *, better: Better = "higher", unit: str = "", **known: float) -> Metric:
    """Bounds 0.05 to either side; floor, chance and ceiling as given."""
    nothing = {"floor": math.nan, "chance": math.nan, "ceiling": math.nan}
    return Metric(
        name=name,
        value=value,
        low=value - 0.05,
        high=value + 0.05,
        unit=unit,
        better=better,
        samples=3,
        about=f"{name}, made for a test.",
        **(nothing | known),
    )


def made_clip(index: int, *, direction: Direction, group: str) -> ClipRow:
    """Two events, of which the first is met."""
    name = f"{group or 'clip'}-{index:07d}"
    return ClipRow(
        name=name,
        generated=f"clips/{direction}/{name}.mp4",
        reference=f"reference/{name}.mp4",
        seed=index,
        values={"onset F1 at 100 ms": 0.5, "log-mel L1": 0.7 + 0.1 * index, "beat F1": math.nan},
        found=(0.31, 0.9),
        true=(0.3, 1.2),
        true_from="known",
        pairs=((0, 0),),
        seconds={"encoding": 0.01, "denoising": 0.4 + 0.1 * index, "decoding": 0.1},
    )


def made_distance(name: str, *, shift: float = 0.0) -> SetDistance:
    """Three clips, one of them without a value, and one real outlier."""
    return SetDistance(
        name=name,
        backbone=name.partition("-")[2],
        samples=(2.0 + shift, 2.5 + shift, math.nan),
        real_samples=(1.0, 1.1, 1.2, 6.0),
        split=SplitDistance(
            size=3, reference_size=9, value=1.5 + shift, low=1.2 + shift, high=1.8 + shift, real_value=0.6
        ),
        whole=1.4 + shift,
        at_infinity=1.1 + shift,
        real_at_infinity=0.1,
    )


def made_result(direction: Direction, group: str, *, shift: float = 0.0) -> Result:
    clips = tuple(made_clip(index, direction=direction, group=group) for index in range(3))
    copied = CopyRow(
        name=clips[0].name, generated=clips[0].generated, training="../train/a.mp4", distance=0.01, flagged=True
    )
    return Result(
        direction=direction,
        group=group,
        metrics=(
            made_metric("onset F1 at 100 ms", 0.8 - shift / 10, chance=0.3, ceiling=0.95),
            made_metric("lag", 0.004, better="lower", unit="s", ceiling=0.001),
            made_metric("FAD-YAMNet", 1.5 + shift, better="lower", floor=0.6),
        ),
        clips=clips,
        distances=(made_distance("FAD-YAMNet", shift=shift), made_distance("FD-logmel", shift=shift)),
        memorisation=Memorisation(backbone="YAMNet", threshold=0.1, real=(0.2, 0.3, 0.4), rows=(copied,)),
        seconds={"encoding": 0.01, "denoising": 0.5, "decoding": 0.1},
    )


def made_protocol() -> Protocol:
    return Protocol(
        command="cmmd evaluate --data world",
        generation=Generation(
            model="shipped",
            model_sha256="0" * 64,
            data="world",
            samples=3,
            seed=0,
            steps=25,
            guidance={"video_to_audio": 1.5},
            temperature={"video_to_audio": 0.25},
            device="cpu",
        ),
        clip_format=ClipFormat(fps=10, image_size=64, sample_rate=16_000),
        reference_clips={"impacts": 12, "dance": 12},
        tolerance=0.1,
        methods=Methods(resampler="soxr HQ", reading="whole clips, mono", intervals="bootstrap over clips"),
        backbones=(
            BackboneNote(
                name="YAMNet",
                modality="audio",
                sha256="1" * 64,
                preprocessing="16 kHz mono",
                windows="0.96 s every 0.48 s",
                classes=True,
            ),
        ),
        software=Software(versions={"cmmd": "1"}, commit=""),
    )


def made_record() -> Record:
    """Two systems, both directions, both families, one failed clip, one delay response."""
    directions: tuple[Direction, ...] = ("video_to_audio", "audio_to_video")
    systems = tuple(
        System(
            name=name,
            results=tuple(made_result(d, g, shift=shift) for d in directions for g in ("impacts", "dance")),
        )
        for name, shift in (("cmmd", 0.0), ("baseline", 1.0))
    )
    curves = (
        DelayCurve(metric="lag", unit="s", better="lower", values=(0.0, 0.04, 0.08, 0.16, math.nan)),
        DelayCurve(metric="onset F1 at 100 ms", unit="", better="higher", values=(0.95, 0.95, 0.9, 0.3, 0.25)),
    )
    return Record(
        version=VERSION,
        protocol=made_protocol(),
        systems=systems,
        delays=(DelayResponse(group="impacts", clips=12, delays=(0.0, 0.04, 0.08, 0.16, 0.32), curves=curves),),
        failures=(
            FailedClip(
                system="baseline",
                direction="video_to_audio",
                group="impacts",
                name="impacts-0000009",
                file="clips/impacts-0000009.mp4",
                kind="missing",
                reason="found no file, expected one for every reference clip",
            ),
        ),
    )
