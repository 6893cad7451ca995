"""Settings of `cmmd prepare` that decide the content of its shards (ours)."""

from dataclasses import dataclass, field

from cmmd.clips.geometry import Geometry
from cmmd.clips.picture_fit import Fit
from cmmd.data.preparing.cutting import CutSettings
from cmmd.latents.spectrogram import CodecName

MOST_BYTES = 4 * 10**9
"""Maximum size of the pixels of one clip, which a worker holds in memory as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareConfig:
    """seconds: length of a clip. geometry: rates and sizes; its `frames` is the minimum length of a clip. autoencoder:
    a folder or hub name. mirror: also encode every video mirrored. requests_per_shard: number of files, or stretches of
    files, whose clips share a shard. Raises ValueError when `seconds` is below the minimum length, a clip has more than
    `MOST_BYTES` of pixels, or requests_per_shard is below 1.
    """

    autoencoder: str
    seconds: float = 4.8
    geometry: Geometry = field(default_factory=Geometry)
    codec: CodecName = "log_mel"
    fit: Fit = "crop"
    mirror: bool = False
    requests_per_shard: int = 64

    def __post_init__(self) -> None:
        if round(self.seconds * self.geometry.fps) < self.geometry.frames:
            raise ValueError(f"clips of {self.seconds:g} s, expected at least {self.geometry.seconds:g} s")
        size = self.cutting.clip_bytes
        if size > MOST_BYTES:
            raise ValueError(
                f"clips of {self.seconds:g} s at {self.geometry.fps} fps and {self.geometry.image_size} px are "
                f"{size / 1e9:.1f} GB of pixels, expected {MOST_BYTES / 1e9:g} at most"
            )
        if self.requests_per_shard < 1:
            raise ValueError(f"requests_per_shard is {self.requests_per_shard}, expected at least 1")

    @property
    def cutting(self) -> CutSettings:
        """Settings of the workers."""
        return CutSettings(
            fps=self.geometry.fps,
            frames=round(self.seconds * self.geometry.fps),
            fewest=self.geometry.frames,
            image_size=self.geometry.image_size,
            sample_rate=self.geometry.sample_rate,
            fit=self.fit,
        )
