"""The unit of work of the page: generates the takes of an order and writes their files (ours).

It knows neither the browser nor gradio. `cmmd generate` uses the same functions for its files.
"""

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cmmd.clips.given import Track, as_clip
from cmmd.clips.reading import Clip, read_clip
from cmmd.clips.stereo import FULL_RATE
from cmmd.clips.take import Take
from cmmd.clips.writing import write_sound_under_video
from cmmd.errors import InputError
from cmmd.generation.clip_generation import GenerateOptions, write_take
from cmmd.generation.output_plan import OutputOptions
from cmmd.measures.agreement import check_judged, unknown_condition
from cmmd.serve.order import Order
from cmmd.serve.stages import Stage, StepClock

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

LOGGER = logging.getLogger(__name__)
LONGEST_STEM = 60
"""Characters of an upload's name that are part of the names of its results."""


class Cancelled(Exception):
    """The user has cancelled the generation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeFiles:
    """The files of a take. video: mp4. sound: wav. picture: PNG of the frames over the spectrogram. alignment: see
    `Take`. best: it is the first of several takes with the highest alignment. seconds: length of the sound."""

    video: Path
    sound: Path
    picture: Path
    seed: int
    seconds: float
    guidance: float
    alignment: float | None
    best: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """A finished order. original: the source as a browser plays it, with its own sound; None without picture or sound.
    warning: the source is unlike what the model has learnt. notes: remarks for the user, one sentence each. seconds:
    spent on the takes, files included."""

    order: Order
    takes: tuple[TakeFiles, ...]
    original: Path | None
    warning: str | None
    notes: tuple[str, ...]
    seconds: float


def generate(
    pipeline: "CMMDPipeline",
    order: Order,
    folder: Path,
    *,
    longest: float,
    cancelled: threading.Event,
    on_stage: Callable[[Stage], None],
) -> Generation:
    """Generates all takes of an order and writes their files into `folder`, under names that no other call uses.

    longest: largest length of the source in seconds. on_stage: called when a stage begins and after each step. Raises
    Cancelled at the next step or stage after `cancelled` is set, and InputError for a source that cannot be used; its
    message names the source without its folder.
    """
    clock = StepClock(steps=order.sampling.steps, takes=order.takes)

    def report_stage(stage: Stage) -> None:
        if cancelled.is_set():
            raise Cancelled
        on_stage(stage)

    report_stage(Stage(text="Reading" if order.source else "Starting", total=order.total_steps))
    try:
        takes = _takes(pipeline, order, longest, lambda _: report_stage(clock.step()))
        on_take, limit = (lambda take: report_stage(clock.writing(take))), pipeline.unknown_below
        return _written(order, takes, folder, on_take, limit=limit)
    except InputError as error:
        if order.source is None:
            raise
        raise InputError(str(error).replace(str(order.source), order.source.name)) from error


def result_stem(source: Path | None) -> str:
    """Returns the first part of the names of results: the stem of the source without characters that have a meaning in
    a shell or an address."""
    stem = "" if source is None else re.sub(r"[^\w.-]+", "_", source.stem).strip("._-")
    return stem[:LONGEST_STEM] or ("clip" if source else "joint")


def _takes(pipeline: "CMMDPipeline", order: Order, longest: float, on_step: Callable[[int], None]) -> tuple[Take, ...]:
    shared = asdict(order.sampling) | {"seed": order.seed, "takes": order.takes, "on_step": on_step}
    shared |= {"judge": _judges(pipeline)}
    if order.source is None:
        return pipeline.joint(seconds=order.seconds, **shared)
    clip = _clip(pipeline, order, order.source, longest)
    if order.target == "both":
        return pipeline.joint(clip=clip, keep=order.keep, seconds=order.seconds, **shared)
    make = pipeline.video_to_audio if order.target == "audio" else pipeline.audio_to_video
    return make(clip, keep=order.keep, **shared)


def _clip(pipeline: "CMMDPipeline", order: Order, source: Path, longest: float) -> Clip:
    """Reads the parts of the source that the direction needs."""
    given: Track = "video" if order.target == "audio" else "audio"
    needs: set[Track] = {"video", "audio"} if order.keep else {given}
    span: Track = "audio" if order.target == "video" else "video"
    return as_clip(source, geometry=pipeline.geometry, needs=needs, span=span, longest=longest)


def _judges(pipeline: "CMMDPipeline") -> bool:
    """Whether the model can score its own takes."""
    with suppress(InputError):
        check_judged(pipeline.unet)
        return True
    return False


def _written(
    order: Order, takes: tuple[Take, ...], folder: Path, on_take: Callable[[int], None], *, limit: float
) -> Generation:
    """Writes the files of all takes and the original to compare with. limit: see `unknown_condition`."""
    started, stem, mark = time.monotonic(), result_stem(order.source), uuid.uuid4().hex[:6]
    scores = [take.alignment for take in takes]
    best = _best(scores)
    files: list[TakeFiles] = []
    notes: list[str] = []
    spent = max(sum(take.seconds.values()) for take in takes)  # each take has the clock of all of them
    for number, take in enumerate(takes, start=1):
        on_take(number)
        out = folder / f"{stem}-cmmd-{take.seed}-{number}-{mark}.mp4"
        said = _write(take, out, order)
        notes += [note for note in said if note not in notes]
        files.append(_files(take, out, best=number - 1 == best))
    return Generation(
        order=order,
        takes=tuple(files),
        original=_original(order, folder / f"{stem}-original-{mark}.mp4"),
        warning=unknown_condition(scores, limit=limit) if order.source else None,
        notes=tuple(notes),
        seconds=spent + time.monotonic() - started,
    )


def _best(scores: Sequence[float | None]) -> int | None:
    """Returns the index of the first of several takes with the highest score; None without scores."""
    known = [score for score in scores if score is not None]
    return scores.index(max(known)) if known and len(scores) > 1 else None


def _write(take: Take, out: Path, order: Order) -> tuple[str, ...]:
    """Writes the mp4, the wav and the PNG of a take and returns the remarks on it."""
    options = GenerateOptions(outputs=OutputOptions(takes=order.takes, picture=True), sampling=order.sampling)
    written = write_take(take, out, options, for_browsers=True)
    take.save(out.with_suffix(".wav"))
    return written.notes


def _files(take: Take, out: Path, *, best: bool) -> TakeFiles:
    return TakeFiles(
        video=out,
        sound=out.with_suffix(".wav"),
        picture=out.with_suffix(".png"),
        seed=take.seed,
        seconds=take.duration,
        guidance=take.guidance,
        alignment=take.alignment,
        best=best,
    )


def _original(order: Order, out: Path) -> Path | None:
    """Writes the source with its own sound as a file that browsers play; returns None if it lacks picture or sound."""
    if order.source is None or (order.target == "video" and not order.keep):
        return None
    try:
        sound = read_clip(order.source, sample_rate=FULL_RATE, want="audio").waveform
        if sound is None:
            return None
        write_sound_under_video(
            order.source, sound.clip(-1, 1), out, sample_rate=FULL_RATE, for_browsers=True, alone=True
        )
    except InputError as error:
        LOGGER.info("no original to compare with: %s", error)
        return None
    return out
