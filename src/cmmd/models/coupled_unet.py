"""The coupled U-Net: a video and an audio denoiser, fused after each stage (paper: the architecture figure).

Ours: each modality has a separate diffusion time per frame. A clean condition sends messages and receives none, so its
pass does not depend on the target: ``encode_condition`` runs it once, and ``predict`` runs the target's U-Net alone.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.models.audio_unet import AudioUNet
from cmmd.models.blocks import Modality
from cmmd.models.event_messages import EventMessages
from cmmd.models.exchange import OTHER, Condition, Listening, Prediction
from cmmd.models.fusion import Fusion
from cmmd.models.fusion_kinds import build_fusion
from cmmd.models.network_config import NetworkConfig
from cmmd.models.staged_unet import StagedUNet, UNetState, plan_stages
from cmmd.models.video_unet import VideoUNet

LARGEST_SIZE = 2**20
"""Larger sizes are rejected as typos, which would otherwise surface only as an out-of-memory error."""


class Heard(NamedTuple):
    """hears: which items of a stream hear the other stream, (b,). listening: the item that each one listens to, or
    None for the item with the same index."""

    hears: Tensor
    listening: Listening | None


class CoupledUNet(ModelMixin, ConfigMixin):
    """Two U-Nets with the same number of stages and one fusion module after each.

    Args:
        frames: video frames of a training clip. Inference accepts any number that divides down to the coarsest level.
        latent_channels, latent_size: c and h = w of the video latents ``(b, c, f, h, w)``.
        event_channels: further channels that a given video may have. The audio U-Net hears them (`EventMessages`); they
            have no effect on noisy frames or without easy fusion, and are not predicted.
        spectrogram_channels, mels: c and m of the spectrograms ``(b, c, m, n)``, with n = 8 f.
        network: the settings that ablations vary.

    Latents may have any floating dtype: the network computes in the dtype of its weights and returns the dtype of the
    latents. Times should be float32 whatever the dtype of the weights. Raises ValueError for sizes that are not whole
    numbers from 1 to `LARGEST_SIZE` or do not divide down to the coarsest level.
    """

    _repeated_blocks = ["Stage"]  # noqa: RUF012 - diffusers' names, and its lists
    _no_split_modules = ["Stage", "Speak", "Hear", "SpeakKeys", "HearKeys", "HearShiftedKeys"]  # noqa: RUF012
    entry_points = ("denoise", "predict", "encode_condition")

    def __init__(
        self,
        *,
        frames: int = 16,
        latent_channels: int = 4,
        latent_size: int = 8,
        spectrogram_channels: int = 1,
        mels: int = 64,
        event_channels: int = 0,
        network: NetworkConfig | Mapping[str, Any] | None = None,
    ):
        super().__init__()
        sizes = {
            "frames": frames,
            "latent_channels": latent_channels,
            "latent_size": latent_size,
            "spectrogram_channels": spectrogram_channels,
            "mels": mels,
        }
        for name, size in sizes.items():
            if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
                raise ValueError(f"{name} is {size!r:.60}, expected a whole number from 1 to {LARGEST_SIZE}")
        if type(event_channels) is not int or not 0 <= event_channels <= LARGEST_SIZE:
            raise ValueError(f"event_channels is {event_channels!r:.60}, expected a whole number up to {LARGEST_SIZE}")
        self.network = network = NetworkConfig.of(network)
        network.check_clip(frames=frames, latent_size=latent_size, mels=mels)
        self.register_to_config(**sizes, event_channels=event_channels, network=asdict(network))
        self.video_unet = VideoUNet(network, channels=latent_channels)
        self.audio_unet = AudioUNet(network, channels=spectrogram_channels)
        plans = (
            plan_stages(widths, network.blocks_per_level) for widths in (network.video_widths, network.audio_widths)
        )
        self.fusions = nn.ModuleList(
            build_fusion(network, {"video": video, "audio": audio}, index=index, latent_size=latent_size, mels=mels)
            for index, (video, audio) in enumerate(zip(*plans, strict=True))
        )
        self.event_messages = None
        if event_channels and network.fusion == "easy":
            width, stages = network.message_width, len(self.fusions)
            self.event_messages = EventMessages(event_channels, width=width, stages=stages)

    @property
    def clean_hears(self) -> bool:
        """Whether a clean stream hears the other one. If so, a condition cannot be encoded once."""
        return self.network.clean_hears

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
        """Predicts both modalities, each at its diffusion times: ``(b,)``, or one per video frame, ``(b, f)``.

        ``video_hears`` and ``audio_hears`` select the items of a stream that hear the other stream (default: all).
        Items whose times are all zero never hear, unless the network has ``clean_hears``. Raises ValueError for inputs
        whose shapes do not fit the configuration or each other.
        """
        return self.denoise(
            video, audio, t_video=t_video, t_audio=t_audio, video_hears=video_hears, audio_hears=audio_hears
        )

    def denoise(
        self,
        video: Float[Tensor, "bv cv f h w"],
        audio: Float[Tensor, "ba ca m n"],
        *,
        t_video: Float[Tensor, "bv *fv"],
        t_audio: Float[Tensor, "ba *fa"],
        video_hears: Bool[Tensor, " bv"] | None = None,
        audio_hears: Bool[Tensor, " ba"] | None = None,
        video_listening: Listening | None = None,
        audio_listening: Listening | None = None,
        turn: float = 0.0,
    ) -> Prediction:
        """``forward`` for streams with different numbers of items; ``Listening`` selects the item that each one hears.

        A training step uses it to denoise a target under its matched and its mismatched conditions in one pass.
        turn: offset of the random shifts in this step (see `Fusion.hear`). The default keeps them constant, as a solver
        requires.
        """
        self._check_input(video, "video")
        self._check_input(audio, "audio")
        self._check_lengths(video, audio)
        t_video, t_audio = (_frame_times(t, video.shape[2]) for t in (t_video, t_audio))
        seen = self.video_unet.begin(self._pictures(video), t_video)
        events = self._events(video, t_video)
        heard = self.audio_unet.begin(audio, t_audio)
        by_video = Heard(self._hearing(t_video, video_hears), video_listening)
        by_audio = Heard(self._hearing(t_audio, audio_hears), audio_listening)
        for index in range(len(self.fusions)):
            seen = self.video_unet.stage(index, seen)
            heard = self.audio_unet.stage(index, heard)
            from_video = self._spoken(index, seen, by_audio.listening, speaker="video", events=events)
            from_audio = self._spoken(index, heard, by_video.listening, speaker="audio")
            seen = self._hear(index, seen, from_audio, by_video.hears, hearer="video", turn=turn)
            heard = self._hear(index, heard, from_video, by_audio.hears, hearer="audio", turn=turn)
        return Prediction(self.video_unet.finish(seen).to(video.dtype), self.audio_unet.finish(heard).to(audio.dtype))

    def encode_condition(self, latents: Float[Tensor, "b c ..."], *, modality: Modality) -> Condition:
        """Returns all messages of a clean modality, from one pass of its U-Net at time 0 that hears nothing.

        Raises ValueError for a network with ``clean_hears``, whose pass depends on the target, and for latents whose
        shape does not fit the configuration.
        """
        if self.clean_hears:
            raise ValueError(
                "this model has clean_hears=True: its condition hears the target and cannot be encoded once"
            )
        self._check_input(latents, modality)
        unet = self._unet(modality)
        t = torch.zeros(len(latents), _frames_of(latents, modality), device=latents.device)
        events = self._events(latents, t) if modality == "video" else None
        state = unet.begin(self._pictures(latents) if modality == "video" else latents, t)
        messages = []
        for index in range(len(self.fusions)):
            state = unet.stage(index, state)
            messages.append(self._spoken(index, state, None, speaker=modality, events=events))
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
    ) -> Float[Tensor, "b co ..."]:
        """Predicts one modality from an encoded condition: equal to ``forward`` with the condition at time 0.

        With ``condition`` None the target hears nothing: this is the unconditional model. Raises ValueError for a
        condition of the wrong modality or batch size, and for inputs whose shapes do not fit the configuration.
        """
        self._check_input(noisy, modality)
        if condition is not None and condition.modality != OTHER[modality]:
            raise ValueError(f"a {modality} target got a {condition.modality} condition, expected {OTHER[modality]}")
        if condition is not None and condition.batch_size != noisy.shape[0]:
            raise ValueError(f"the condition has {condition.batch_size} items and the target {noisy.shape[0]}")
        unet = self._unet(modality)
        t = _frame_times(t, _frames_of(noisy, modality))
        hears = self._hearing(t, hears)
        state = unet.begin(self._pictures(noisy) if modality == "video" else noisy, t)
        for index in range(len(self.fusions)):
            state = unet.stage(index, state)
            if condition is None:
                state = unet.keep_skip(index, state)
            else:
                state = self._hear(index, state, condition.messages[index], hears, hearer=modality)
        return unet.finish(state).to(noisy.dtype)

    def _pictures(self, video: Tensor) -> Tensor:
        return video[:, : self.config["latent_channels"]]

    def _events(self, video: Tensor, t: Tensor) -> Tensor | None:
        """Features of the event channels, or None if the video has none."""
        channels = self.config["latent_channels"]
        if self.event_messages is None or video.shape[1] == channels:
            return None
        return self.event_messages.features(video[:, channels:], t)

    def _spoken(
        self,
        index: int,
        state: UNetState,
        listening: Listening | None,
        *,
        speaker: Modality,
        events: Tensor | None = None,
    ) -> Tensor:
        """The message of this stream after a stage, for each item of the other stream."""
        features = state.features if listening is None else state.features[: listening.speakers]
        message = self._fusions()[index].speak(features, speaker=speaker)
        if events is not None:
            assert self.event_messages is not None
            message = message + self.event_messages.message(index, events[: len(message)])
        return message if listening is None else listening.of(message)

    def _hear(
        self, index: int, state: UNetState, message: Tensor, hears: Tensor, *, hearer: Modality, turn: float = 0.0
    ) -> UNetState:
        features = self._fusions()[index].hear(state.features, message, hearer=hearer, hears=hears, turn=turn)
        return self._unet(hearer).keep_skip(index, state._replace(features=features))

    def _unet(self, modality: Modality) -> StagedUNet:
        return self.video_unet if modality == "video" else self.audio_unet

    def _fusions(self) -> list[Fusion]:
        return list(self.fusions)  # pyright: ignore[reportReturnType]

    def _hearing(self, t: Tensor, hears: Tensor | None) -> Tensor:
        if self.clean_hears:
            return torch.ones_like(t[:, 0], dtype=torch.bool) if hears is None else hears
        generates = (t != 0).any(dim=1)
        return generates if hears is None else hears & generates

    def _check_input(self, x: Tensor, modality: Modality) -> None:
        config = self.config
        if modality == "video":
            axes, found = "(c, h, w)", (x.shape[1], *x.shape[3:])
            expected = (config["latent_channels"], config["latent_size"], config["latent_size"])
            if x.shape[1] == config["latent_channels"] + config["event_channels"]:
                expected = (x.shape[1], *expected[1:])
        else:
            axes, found = "(c, m)", tuple(x.shape[1:3])
            expected = (config["spectrogram_channels"], config["mels"])
        if found != expected:
            raise ValueError(f"{modality} {axes} is {found}, expected {expected}")
        if modality == "audio" and x.shape[3] % SPECTROGRAM_FRAMES_PER_VIDEO_FRAME:
            raise ValueError(
                f"spectrogram frames {x.shape[3]} is not a multiple of {SPECTROGRAM_FRAMES_PER_VIDEO_FRAME}"
            )
        self.network.check_clip(frames=_frames_of(x, modality))

    @staticmethod
    def _check_lengths(video: Tensor, audio: Tensor) -> None:
        frames, found = video.shape[2], audio.shape[3]
        expected = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME * frames
        if found != expected:
            raise ValueError(f"{frames} video frames need {expected} spectrogram frames, got {found}")


def _frames_of(latents: Tensor, modality: Modality) -> int:
    return latents.shape[2] if modality == "video" else latents.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME


def _frame_times(t: Tensor, frames: int) -> Tensor:
    """Expands times ``(b,)`` or ``(b, f)`` to ``(b, f)``. Raises ValueError for other shapes."""
    if t.ndim == 1:
        return t[:, None].expand(-1, frames)
    if t.ndim != 2 or t.shape[1] != frames:
        raise ValueError(f"times have shape {tuple(t.shape)}, expected one an item or one for each of {frames} frames")
    return t
