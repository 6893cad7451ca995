"""Generates clips in Ray workers: they write files without names, and the process of the command names them (ours).

So the record has a single writer, and a worker that is lost, or that runs a clip twice, changes no result.
"""

import os
import pickle
import platform
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cmmd.errors import InputError
from cmmd.files.unfinished_file import temporary_path
from cmmd.generation.folders.making import Making, model_digest
from cmmd.generation.folders.one_clip import UNFINISHED, Finished, make_files, name_files
from cmmd.generation.folders.plan import PlannedClip
from cmmd.generation.folders.record import Record
from cmmd.pipelines.loading import load_pipeline
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.runtime.worker_processes import Failure
from cmmd.weights.model_name import SHIPPED


class Unnamed(NamedTuple):
    """The files of a clip, complete in a hidden folder of the results."""

    folder: Path
    finished: list[Finished]


class FailedClip(NamedTuple):
    """The exception of a clip. disk_error: errno of the OSError that caused it; causes are not pickled."""

    error: Exception
    disk_error: int | None


@dataclass(frozen=True, slots=True)
class RemoteClips:
    """Pickled to the workers. out: folder of the results, on a file system that all nodes share."""

    making: Making
    out: Path

    def __call__(self) -> Callable[[PlannedClip], Unnamed | FailedClip]:
        """Loads the model and returns the function that generates a clip. Raises InputError if this node has another
        model under the name."""
        options = self.making.options.model
        # The shipped model is a folder of the package, which another node may have elsewhere.
        folder = SHIPPED_MODEL if self.making.model == SHIPPED else self.making.model_folder
        if model_digest(folder) != self.making.model_sha256:
            subject = f"model {self.making.model} on node {platform.node()}"
            raise InputError.about(subject, found="other files", expected="those of the node of the command")
        pipeline = load_pipeline(str(folder), device=options.device, dtype=options.dtype)

        def make(one: PlannedClip) -> Unnamed | FailedClip:
            folder = temporary_path(self.out / UNFINISHED)
            try:
                folder.mkdir()
                finished = make_files(pipeline, one, self.making, folder, out=self.out, on_step=lambda step: None)
                return Unnamed(folder, finished)
            except Exception as error:
                shutil.rmtree(folder, ignore_errors=True)
                return _failed_clip(error)

        return make


def named(
    one: PlannedClip, result: Unnamed | FailedClip | Failure, making: Making, record: Record
) -> list[Finished] | Exception:
    """Names the files of a clip; returns its record lines, or the exception of the clip as in `make_clip`."""
    if isinstance(result, Failure):
        return InputError.about(one.clip.source, found=f"a clip that {result.reason}", expected="one to finish")
    if isinstance(result, FailedClip):
        if result.disk_error is not None:
            result.error.__cause__ = OSError(result.disk_error, os.strerror(result.disk_error))
        return result.error
    try:
        name_files(one, making, record, result.folder, result.finished)
    except Exception as error:
        return error
    finally:
        shutil.rmtree(result.folder, ignore_errors=True)
    return result.finished


def _failed_clip(error: Exception) -> FailedClip:
    number, cause = None, error
    while number is None and cause is not None:
        number, cause = getattr(cause, "errno", None), cause.__cause__
    if not isinstance(error, InputError):
        error.add_note(f"in a Ray worker:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception of a library whose arguments do not build it again
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return FailedClip(error, number)
