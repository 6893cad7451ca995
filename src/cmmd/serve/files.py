"""Temporary files of the page: uploads, results of a session, examples; all are removed (ours)."""

import logging
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cmmd.serve.limits import Limits

LOGGER = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0


class ServedFiles:
    """The temporary folder of a server: `uploads`, `results` (a folder per job) and `examples`."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._limits, self._lock = limits, threading.Lock()
        self._sessions: dict[str, list[Path]] = {}
        self.uploads, self.results, self.examples = (root / name for name in ("uploads", "results", "examples"))
        for folder in (self.uploads, self.results, self.examples):
            folder.mkdir(mode=0o700)

    def new_folder(self, session: str) -> Path:
        """Creates a folder for the results of a job, whose name cannot be guessed."""
        folder = self.results / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        with self._lock:
            self._sessions.setdefault(session, []).append(folder)
        return folder

    def remove_session(self, session: str) -> None:
        """Removes all results of a session."""
        with self._lock:
            folders = self._sessions.pop(session, [])
        for folder in folders:
            remove(folder)

    def use(self, *paths: Path | None) -> None:
        """Counts uploads and folders of results as new, so that they are retained for the full time from now on."""
        for path in paths:
            with suppress(OSError):
                if path is not None:
                    os.utime(path)  # does not create it

    def sweep(self, now: float | None = None) -> None:
        """Removes results and uploads that are older than `Limits.retained`, and the oldest uploads when all of them
        exceed `Limits.uploads` times the largest upload. now: seconds since the epoch."""
        now = time.time() if now is None else now
        for folder in self.results.iterdir():
            if now - _changed(folder) > self._limits.retained:
                remove(folder)
        uploads = sorted((file for file in self.uploads.rglob("*") if file.is_file()), key=_changed, reverse=True)
        total = 0
        for file in uploads:  # newest first
            total += _size(file)
            if now - _changed(file) > self._limits.retained or total > self._limits.uploads * self._limits.upload_bytes:
                file.unlink(missing_ok=True)
                with suppress(OSError):  # another file may be in it
                    file.parent.rmdir() if file.parent != self.uploads else None
        with self._lock:
            found = {name: [path for path in paths if path.exists()] for name, paths in self._sessions.items()}
            self._sessions = {name: paths for name, paths in found.items() if paths}


def remove(folder: Path) -> None:
    """Removes a folder with everything in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def served_files(limits: Limits) -> Iterator[ServedFiles]:
    """Creates the temporary folder of a server, sweeps it once a minute, and removes it at the end."""
    ended = threading.Event()
    with tempfile.TemporaryDirectory(prefix="cmmd-serve-", ignore_cleanup_errors=True) as root:
        files = ServedFiles(Path(root).resolve(), limits)

        def sweep() -> None:
            while not ended.wait(SWEEP_SECONDS):
                try:
                    files.sweep()
                except OSError as error:
                    LOGGER.warning("temporary files could not be removed: %s", error)

        sweeper = threading.Thread(target=sweep, daemon=True)
        sweeper.start()
        try:
            yield files
        finally:
            ended.set()
            sweeper.join()


def _changed(path: Path) -> float:
    """Time of the last change; infinitely late if the file is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
