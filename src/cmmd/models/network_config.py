"""The settings of a coupled U-Net, and the clip sizes that they support (ours)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.models.blocks import GROUPS, Modality

FusionKind = Literal["easy", "random_shift", "attention", "none"]
Reduction = Literal["positions", "low_rank", "mean"]


LARGEST = {"blocks_per_level": 64, "heads": 256, "patch": 64, "message_width": 2**16}
"""Larger settings are rejected as typos, which would otherwise surface only as an out-of-memory error."""
MOST_LEVELS = 16
"""Each further level halves the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """The settings of a :class:`~cmmd.models.coupled_unet.CoupledUNet` that ablations vary.

    video_widths, audio_widths: channels of each level, finest first; both U-Nets have the same number of levels.
    blocks_per_level: residual blocks at each level, on the down path and again on the up path.
    attention_levels: levels whose stages have self-attention (0 is the finest). heads: heads of every attention.
    patch: side of the spectrogram squares that the audio stem folds into channels.
    message_width: channels of an easy-fusion message. message_reduction: how space or frequency is reduced in it.
    fusion: `easy`; the alternatives `random_shift` (of the baseline) and `attention` (full); `none`, two independent
        U-Nets.
    clean_hears: a clean stream also hears the other one (ablation: a condition cannot be encoded once).
    shared_time: trained with one time for both modalities (baseline). Such a network has never seen a clean condition
        with a noisy target, so it is conditioned by replacement.

    Raises ValueError, naming the values, for settings that are out of range or do not fit together.
    """

    video_widths: tuple[int, ...] = (32, 64, 96)
    audio_widths: tuple[int, ...] = (64, 96, 128)
    blocks_per_level: int = 1
    attention_levels: tuple[int, ...] = (1, 2)
    heads: int = 4
    patch: int = 4
    message_width: int = 96
    message_reduction: Reduction = "positions"
    fusion: FusionKind = "easy"
    clean_hears: bool = False
    shared_time: bool = False

    def __post_init__(self) -> None:
        for name in ("blocks_per_level", "heads", "patch", "message_width"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= LARGEST[name]:
                raise ValueError(f"{name} is {value!r:.60}, expected 1 to {LARGEST[name]}")
        for name in ("video_widths", "audio_widths", "attention_levels"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not all(type(value) is int for value in values):
                raise ValueError(f"{name} is {values!r:.60}, expected whole numbers")
        for name in ("clean_hears", "shared_time"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r:.60}, expected true or false")
        if self.levels > MOST_LEVELS:
            raise ValueError(f"found {self.levels} levels, expected {MOST_LEVELS} at most")
        if len(self.video_widths) != len(self.audio_widths) or not self.video_widths:
            raise ValueError(
                f"video_widths {self.video_widths} and audio_widths {self.audio_widths} differ in number of levels"
            )
        for name in ("video_widths", "audio_widths"):
            for width in getattr(self, name):
                if not 1 <= width <= 2**16 or width % GROUPS or width % self.heads:
                    raise ValueError(
                        f"{name} holds {width}, expected a multiple of {GROUPS} (groups) and {self.heads} (heads)"
                    )
        levels = set(self.attention_levels)
        if len(levels) < len(self.attention_levels) or not levels <= set(range(self.levels)):
            raise ValueError(
                f"attention_levels are {self.attention_levels}, expected levels 0 to {self.levels - 1}, each once"
            )
        for name, known in (("fusion", get_args(FusionKind)), ("message_reduction", get_args(Reduction))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r:.60}, expected one of {', '.join(known)}")
        for level in range(self.levels):
            rate = self.time_rate("audio", level)
            if 1 not in (rate.numerator, rate.denominator):
                raise ValueError(
                    f"patch {self.patch} gives {rate} spectrogram steps a video frame, expected a whole rate"
                )

    @classmethod
    def of(cls, values: "NetworkConfig | Mapping[str, Any] | None") -> "NetworkConfig":
        """Builds the settings from the plain values of a model's config.json, with defaults for missing values.

        Raises ValueError for invalid values and TypeError for unknown names.
        """
        if isinstance(values, NetworkConfig):
            return values
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in (values or {}).items()
        }
        return cls(**plain)

    @property
    def levels(self) -> int:
        """Number of levels of each U-Net."""
        return len(self.video_widths)

    @property
    def weights_at_least(self) -> int:
        """Lower bound of the number of weights. It counts the 3 x 3 convolutions of each block: two on the down path,
        and two on the up path, of which the first has twice the input channels."""
        return 45 * self.blocks_per_level * sum(width**2 for width in (*self.video_widths, *self.audio_widths))

    def time_rate(self, modality: Modality, level: int) -> Fraction:
        """Time steps per video frame of a stream's features at a level; always 1 for video."""
        return Fraction(1) if modality == "video" else Fraction(SPECTROGRAM_FRAMES_PER_VIDEO_FRAME, self.patch << level)

    def time_blocks(self, modality: Modality, frames: int) -> int:
        """Number of equal time blocks into which every message of a stream can be divided: the steps of its coarsest
        time grid, but at most one per video frame."""
        return min(frames, int(frames * self.time_rate(modality, self.levels - 1)))

    def check_clip(
        self, *, frames: int | None = None, latent_size: tuple[int, int] | int | None = None, mels: int | None = None
    ) -> None:
        """Raises ValueError, naming both values, for a size that does not divide down to the coarsest level."""
        halvings = 2 ** (self.levels - 1)
        height, width = (
            (latent_size, latent_size) if latent_size is None or isinstance(latent_size, int) else latent_size
        )
        columns = None if frames is None else SPECTROGRAM_FRAMES_PER_VIDEO_FRAME * frames
        for name, size, factor in (
            ("latent height", height, halvings),
            ("latent width", width, halvings),
            ("mels", mels, self.patch * halvings),
            ("spectrogram frames", columns, self.patch * halvings),
        ):
            if size is not None and (size < factor or size % factor):
                raise ValueError(
                    f"{name} {size} is not a multiple of {factor} (patch {self.patch}, {self.levels} levels)"
                )
