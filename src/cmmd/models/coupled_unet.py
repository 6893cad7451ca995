"""The coupled U-Net: a video and an audio denoiser that meet after each stage (paper: the architecture figure).

Ours: every modality has its own diffusion time, frame by frame, and a clean condition only speaks: its pass depends on
nothing that is being generated, so ``encode_condition`` runs it once and ``predict`` runs the target's U-Net alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.models.audio_unet import AudioUNet
from cmmd.models.blocks import GROUPS, Modality
from cmmd.models.easy_fusion import OTHER, Fusion, FusionKind, Reduction, build_fusion
from cmmd.models.staged_unet import UNetState, plan_stages
from cmmd.models.video_unet import VideoUNet


class Prediction(NamedTuple):
    """A tensor for each modality: what the network predicts, or what it should have predicted."""

    video: Float[Tensor, "b c f h w"]
    audio: Float[Tensor, "b c m n"]


@dataclass(frozen=True)
class Condition:
    """What a clean stream says, one message a stage: all that the other stream ever learns of it."""

    modality: Modality
    messages: tuple[Tensor, ...]

    @property
    def batch_size(self) -> int:
        return self.messages[0].shape[0]

    def select(self, indices: Int[Tensor, " chosen"] | Sequence[int]) -> "Condition":
        """The conditions of some items, in the order given; an item may be chosen more than once."""
        chosen = torch.as_tensor(indices, device=self.messages[0].device)
        return Condition(self.modality, tuple(message[chosen] for message in self.messages))

    def repeat(self, times: int) -> "Condition":
        """Each item ``times`` times in a row, for several takes of one clip."""
        return Condition(self.modality, tuple(message.repeat_interleave(times, dim=0) for message in self.messages))

    @staticmethod
    def cat(conditions: Sequence["Condition"]) -> "Condition":
        """The conditions of several batches as one batch; raises ValueError when they are not of one modality."""
        modalities = sorted({condition.modality for condition in conditions})
        if len(modalities) != 1:
            raise ValueError(f"cannot join conditions of modalities {modalities}, expected exactly one")
        stages = zip(*(condition.messages for condition in conditions), strict=True)
        return Condition(conditions[0].modality, tuple(torch.cat(messages) for messages in stages))


class Exchange(NamedTuple):
    """A prediction, and what the streams said to each other on the way to it."""

    prediction: Prediction
    from_video: Condition
    from_audio: Condition


class CoupledUNet(ModelMixin, ConfigMixin):
    """Two U-Nets with the same number of stages and one fusion module after each.

    Args:
        frames: video frames of a training clip; any number that divides works at inference.
        latent_channels, latent_size: of the video latents ``(b, c, f, h, w)``, with h = w.
        spectrogram_channels, mels: of the spectrograms ``(b, c, m, n)``, with n = 8 f.
        video_widths, audio_widths: channels of each level, of equal number.
        attention_levels: the levels whose stages attend (0 is the finest).
        patch: side of the squares of the spectrogram that the audio stem folds into channels.
        message_width, message_reduction: of easy fusion (see :mod:`cmmd.models.easy_fusion`).
        clean_hears: let a clean stream hear as well (ablation; its condition cannot be encoded once).

    Raises ValueError for sizes that do not divide.
    """

    _repeated_blocks = ["Stage"]  # noqa: RUF012 - diffusers' names, and its lists
    _no_split_modules = ["Stage", "Speak", "Hear"]  # noqa: RUF012
    entry_points = ("exchange", "predict", "encode_condition")

    @register_to_config
    def __init__(
        self,
        *,
        frames: int = 16,
        latent_channels: int = 4,
        latent_size: int = 8,
        spectrogram_channels: int = 1,
        mels: int = 64,
        video_widths: Sequence[int] = (48, 64, 96),
        audio_widths: Sequence[int] = (48, 96, 96),
        blocks_per_level: int = 1,
        attention_levels: Sequence[int] = (1, 2),
        heads: int = 4,
        patch: int = 4,
        message_width: int = 96,
        message_reduction: Reduction = "positions",
        fusion: FusionKind = "easy",
        clean_hears: bool = False,
    ):
        super().__init__()
        widths: dict[Modality, tuple[int, ...]] = {"video": tuple(video_widths), "audio": tuple(audio_widths)}
        _check_widths(widths, heads=heads)
        self.levels = len(widths["video"])
        self._check_sizes(
            frames=frames, height=latent_size, width=latent_size, mels=mels, spectrogram_frames=8 * frames
        )
        shared = {"blocks_per_level": blocks_per_level, "attention_levels": tuple(attention_levels), "heads": heads}
        self.video_unet = VideoUNet(channels=latent_channels, widths=widths["video"], **shared)
        self.audio_unet = AudioUNet(channels=spectrogram_channels, patch=patch, widths=widths["audio"], **shared)
        video_plans, audio_plans = (plan_stages(widths[name], blocks_per_level) for name in ("video", "audio"))
        self.fusions = nn.ModuleList(
            build_fusion(
                fusion,
                channels={"video": video.channels_out, "audio": audio.channels_out},
                positions={"video": (latent_size >> video.level) ** 2, "audio": (mels // patch) >> audio.level},
                rates={
                    "video": Fraction(1),
                    "audio": Fraction(SPECTROGRAM_FRAMES_PER_VIDEO_FRAME, patch << audio.level),
                },
                width=message_width,
                reduction=message_reduction,
            )
            for video, audio in zip(video_plans, audio_plans, strict=True)
        )

    def forward(
        self,
        video: Float[Tensor, "b cv f h w"],
        audio: Float[Tensor, "b ca m n"],
        *,
        t_video: Float[Tensor, "b *fv"],
        t_audio: Float[Tensor, "b *fa"],
        video_hears: Bool[Tensor, " b"] | None = None,
        audio_hears: Bool[Tensor, " b"] | None = None,
    ) -> Prediction:
        """Predict both modalities at their own times, ``(b,)`` or one a frame ``(b, f)``.

        ``video_hears`` and ``audio_hears`` say which items of a stream hear the other (all, by default); a stream whose
        times are all zero does not hear, whatever they say, unless the model was made with ``clean_hears``.
        """
        return self.exchange(
            video, audio, t_video=t_video, t_audio=t_audio, video_hears=video_hears, audio_hears=audio_hears
        ).prediction

    def exchange(
        self,
        video: Float[Tensor, "b cv f h w"],
        audio: Float[Tensor, "b ca m n"],
        *,
        t_video: Float[Tensor, "b *fv"],
        t_audio: Float[Tensor, "b *fa"],
        video_hears: Bool[Tensor, " b"] | None = None,
        audio_hears: Bool[Tensor, " b"] | None = None,
    ) -> Exchange:
        """``forward`` that keeps the messages: of an item that is clean they equal those of ``encode_condition``."""
        self._check_input(video, "video")
        self._check_input(audio, "audio")
        t_video, t_audio = (_frame_times(t, video.shape[2]) for t in (t_video, t_audio))
        self._check_sizes(frames=video.shape[2], spectrogram_frames=audio.shape[3])
        video_hears, audio_hears = self._hearing(t_video, video_hears), self._hearing(t_audio, audio_hears)
        states = (self.video_unet.begin(video, t_video), self.audio_unet.begin(audio, t_audio))
        said: list[tuple[Tensor, Tensor]] = []
        for index, fusion in enumerate(self._fusions()):
            seen = self.video_unet.stage(index, states[0])
            heard = self.audio_unet.stage(index, states[1])
            from_video = fusion.speak(seen.features, speaker="video")
            from_audio = fusion.speak(heard.features, speaker="audio")
            said.append((from_video, from_audio))
            states = (
                self._hear(index, seen, from_audio, hearer="video", hears=video_hears),
                self._hear(index, heard, from_video, hearer="audio", hears=audio_hears),
            )
        by_video, by_audio = zip(*said, strict=True)
        return Exchange(
            Prediction(self.video_unet.finish(states[0]), self.audio_unet.finish(states[1])),
            Condition("video", by_video),
            Condition("audio", by_audio),
        )

    def encode_condition(self, latents: Float[Tensor, "b c ..."], *, modality: Modality) -> Condition:
        """All that a clean modality has to say, from one pass of its U-Net at time 0, hearing nothing.

        Raises ValueError when the model was made with ``clean_hears``: then the pass depends on what is generated.
        """
        if self.config["clean_hears"]:
            raise ValueError(
                "this model has clean_hears=True: its condition hears the target and cannot be encoded once"
            )
        self._check_input(latents, modality)
        unet = self._unet(modality)
        t = latents.new_zeros(latents.shape[0], self._frames_of(latents, modality))
        state = unet.begin(latents, t)
        messages = []
        for index, fusion in enumerate(self._fusions()):
            state = unet.stage(index, state)
            messages.append(fusion.speak(state.features, speaker=modality))
            state = unet.keep_skip(index, state)
        return Condition(modality, tuple(messages))

    def predict(
        self,
        noisy: Float[Tensor, "b c ..."],
        *,
        modality: Modality,
        t: Float[Tensor, "b *f"],
        condition: Condition | None,
        hears: Bool[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c ..."]:
        """Predict one modality from an encoded condition: equal to ``forward`` with the condition at time 0.

        Without a condition the target hears nothing: that is the unconditional model.
        """
        self._check_input(noisy, modality)
        if condition is not None and condition.modality != OTHER[modality]:
            raise ValueError(f"a {modality} target got a {condition.modality} condition, expected {OTHER[modality]}")
        if condition is not None and condition.batch_size != noisy.shape[0]:
            raise ValueError(f"the condition has {condition.batch_size} items and the target {noisy.shape[0]}")
        unet = self._unet(modality)
        t = _frame_times(t, self._frames_of(noisy, modality))
        hears = self._hearing(t, hears)
        state = unet.begin(noisy, t)
        for index in range(len(self.fusions)):
            state = unet.stage(index, state)
            if condition is None:
                state = unet.keep_skip(index, state)
            else:
                state = self._hear(index, state, condition.messages[index], hearer=modality, hears=hears)
        return unet.finish(state)

    def _hear(self, index: int, state: UNetState, message: Tensor, *, hearer: Modality, hears: Tensor) -> UNetState:
        fusion = self._fusions()[index]
        state = state._replace(features=fusion.hear(state.features, message, hearer=hearer, hears=hears))
        return self._unet(hearer).keep_skip(index, state)

    def _unet(self, modality: Modality) -> VideoUNet | AudioUNet:
        return self.video_unet if modality == "video" else self.audio_unet

    def _fusions(self) -> list[Fusion]:
        return list(self.fusions)  # pyright: ignore[reportReturnType]

    def _hearing(self, t: Tensor, hears: Tensor | None) -> Tensor:
        hears = torch.ones(t.shape[0], dtype=torch.bool, device=t.device) if hears is None else hears
        return hears if self.config["clean_hears"] else hears & (t != 0).any(dim=1)

    @staticmethod
    def _frames_of(latents: Tensor, modality: Modality) -> int:
        return latents.shape[2] if modality == "video" else latents.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME

    def _check_input(self, x: Tensor, modality: Modality) -> None:
        config = self.config
        if modality == "video":
            found, expected = x.shape[1:2] + x.shape[3:], (config["latent_channels"],) + 2 * (config["latent_size"],)
            axes, frames = "(c, h, w)", {"frames": x.shape[2]}
        else:
            found, expected = tuple(x.shape[1:3]), (config["spectrogram_channels"], config["mels"])
            axes, frames = "(c, m)", {"spectrogram_frames": x.shape[3]}
        if tuple(found) != expected:
            raise ValueError(f"{modality} {axes} is {tuple(found)}, expected {expected}")
        self._check_sizes(**frames)

    def _check_sizes(
        self,
        *,
        frames: int | None = None,
        spectrogram_frames: int | None = None,
        height: int | None = None,
        width: int | None = None,
        mels: int | None = None,
    ) -> None:
        """Raise ValueError, naming both values, for a size that does not divide down to the coarsest level."""
        patch, halvings = self.config["patch"], 2 ** (self.levels - 1)
        if frames is not None and spectrogram_frames is None:
            spectrogram_frames = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME * frames
        for name, size, factor in (
            ("latent height", height, halvings),
            ("latent width", width, halvings),
            ("mels", mels, patch * halvings),
            ("spectrogram frames", spectrogram_frames, patch * halvings),
            ("spectrogram frames", spectrogram_frames, SPECTROGRAM_FRAMES_PER_VIDEO_FRAME),
        ):
            if size is not None and (size < factor or size % factor):
                raise ValueError(f"{name} {size} is not a multiple of {factor} (patch {patch}, {self.levels} levels)")
        if frames is not None and spectrogram_frames != SPECTROGRAM_FRAMES_PER_VIDEO_FRAME * frames:
            raise ValueError(f"{frames} video frames need {8 * frames} spectrogram frames, got {spectrogram_frames}")


def _check_widths(widths: dict[Modality, tuple[int, ...]], *, heads: int) -> None:
    if len(widths["video"]) != len(widths["audio"]) or not widths["video"]:
        raise ValueError(
            f"video_widths {widths['video']} and audio_widths {widths['audio']} differ in number of levels"
        )
    for name, channels in widths.items():
        for count in channels:
            if count % GROUPS or count % heads:
                raise ValueError(f"{name} width {count} is not a multiple of {GROUPS} (groups) and {heads} (heads)")


def _frame_times(t: Tensor, frames: int) -> Tensor:
    """Times ``(b,)`` or ``(b, f)`` as ``(b, f)``."""
    if t.ndim == 1:
        return t[:, None].expand(-1, frames)
    if t.ndim != 2 or t.shape[1] != frames:
        raise ValueError(f"times have shape {tuple(t.shape)}, expected one an item or one for each of {frames} frames")
    return t
