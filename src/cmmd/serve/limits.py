"""Limits of the page: size and length of uploads, steps, takes, queue, and how long files are retained (ours)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """upload_megabytes: largest upload in megabytes of 2^20 bytes. seconds: longest clip or result, in seconds. queue:
    largest number of requests that wait; one more is being generated. steps, takes: largest numbers per request.
    retained: seconds after which uploads and results are removed. uploads: the oldest uploads are removed when all of
    them exceed this many times the largest upload."""

    upload_megabytes: int = 200
    seconds: float = 60.0
    queue: int = 8
    steps: int = 100
    takes: int = 8
    retained: float = 3600.0
    uploads: int = 20

    def __post_init__(self) -> None:
        for name in ("upload_megabytes", "seconds", "steps", "takes", "retained", "uploads"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if self.queue < 0:
            raise ValueError(f"queue is {self.queue}, expected 0 or more")

    @property
    def upload_bytes(self) -> int:
        return self.upload_megabytes * 2**20
