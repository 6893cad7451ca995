"""A pass of both U-Nets written out with loops: stages one after the other, hearing row by row and place by place."""

from typing import NamedTuple

import torch
from literal_fusions import heard_keys, spoken_keys
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.cross_attention import CrossAttention, HearKeys, SpeakKeys
from cmmd.models.easy_fusion import EasyFusion
from cmmd.models.exchange import OTHER, Condition
from cmmd.models.fusion import Fusion
from cmmd.models.staged_unet import Stage, StagedUNet

Order = tuple[int, ...]


class Row(NamedTuple):
    """One item of a stream: whom it hears, nobody where that is None, and the blocks of the message in which order."""

    speaker: int | None
    order: Order


def in_order(message: Tensor, order: Order) -> Tensor:
    """The blocks of one message (1, d, time), in another order."""
    length = message.shape[-1] // len(order)
    return torch.cat([message[..., block * length : (block + 1) * length] for block in order], dim=-1)


def condition_in_order(condition: Condition, order: Order) -> Condition:
    """The condition of one item, every message of it in another order."""
    return Condition(condition.modality, tuple(in_order(message, order) for message in condition.messages))


def added(features: Tensor, heard: Tensor) -> Tensor:
    """Features (1, c, f, h, w) or (1, c, m, n) plus what was heard, (1, c, positions, time), at each of its places."""
    features = features.clone()
    positions = heard.shape[2]
    if features.ndim == 5:
        width = features.shape[4]
        for row in range(features.shape[3]):
            for column in range(width):
                features[:, :, :, row, column] += heard[:, :, (row * width + column) % positions]
    else:
        for bin in range(features.shape[2]):
            features[:, :, bin] += heard[:, :, bin % positions]
    return features


def said(fusion: Fusion, features: Tensor, speaker: Modality) -> Tensor:
    """The message of one item."""
    if isinstance(fusion, CrossAttention):
        mouth = fusion.mouths[speaker]
        assert isinstance(mouth, SpeakKeys)
        return spoken_keys(mouth, features)
    assert isinstance(fusion, EasyFusion)
    return fusion.mouths[speaker](features)


def after_hearing(fusion: Fusion, own: Tensor, message: Tensor, hearer: Modality, turn: float) -> Tensor:
    """Features of one item with what it heard."""
    if isinstance(fusion, CrossAttention):
        ear = fusion.ears[hearer]
        assert isinstance(ear, HearKeys)
        return own + heard_keys(ear, own, message, turn=turn)
    assert isinstance(fusion, EasyFusion)
    return added(own, fusion.ears[hearer](message))


def literal_pass(
    model: CoupledUNet,
    latents: dict[Modality, Tensor],
    times: dict[Modality, Tensor],
    rows: dict[Modality, list[Row]],
    *,
    turn: float = 0.0,
) -> dict[Modality, Tensor]:
    """What each stream predicts; a skip is the features of a stage together with what was heard after it."""
    unets: dict[Modality, StagedUNet] = {"video": model.video_unet, "audio": model.audio_unet}
    states = {name: unets[name].begin(latents[name], times[name]) for name in latents}
    features = {name: states[name].features for name in latents}
    skips: dict[Modality, list[Tensor]] = {"video": [], "audio": []}
    for index, fusion in enumerate(model.fusions):
        assert isinstance(fusion, Fusion)
        for name in latents:
            stage = unets[name].stages[index]
            assert isinstance(stage, Stage)
            skip = skips[name].pop() if stage.plan.channels_skip else None
            features[name] = stage(features[name], skip, states[name].embedding)
        spoken = {name: [said(fusion, item, name) for item in features[name].split(1)] for name in latents}
        for name in latents:
            heard = []
            for row, (speaker, order) in enumerate(rows[name]):
                own = features[name][row : row + 1]
                if speaker is not None:
                    message = in_order(spoken[OTHER[name]][speaker], order)
                    own = after_hearing(fusion, own, message, name, turn)
                heard.append(own)
            features[name] = torch.cat(heard)
            if 2 * index + 1 < len(model.fusions):  # on the way down: all stages before the middle one
                skips[name].append(features[name])
    return {name: unets[name].finish(states[name]._replace(features=features[name])) for name in latents}
