"""What the kinds of attention say and hear, written out with loops: frame by frame, head by head, query by query."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cmmd.models.cross_attention import HearKeys, SpeakKeys
from cmmd.models.random_shift_attention import HearShiftedKeys


def columns(features: Tensor) -> list[Tensor]:
    """The time steps of one item (1, c, ...), each as rows of positions (positions, c)."""
    time_axis = 2 if features.ndim == 5 else 3
    return [step.reshape(step.shape[1], -1).T for step in features.unbind(time_axis)]


def whitened(norm: nn.LayerNorm, rows: Tensor) -> Tensor:
    mean, variance = rows.mean(1, keepdim=True), rows.var(1, correction=0, keepdim=True)
    return (rows - mean) / (variance + 1e-5).sqrt() * norm.weight + norm.bias


def spoken_keys(mouth: SpeakKeys, features: Tensor) -> Tensor:
    """Message (1, 2 e, positions, time) of one item."""
    steps = [
        F.linear(whitened(mouth.norm, rows), mouth.project.weight, mouth.project.bias) for rows in columns(features)
    ]
    return torch.stack([step.T for step in steps], dim=2)[None]


def time_of(step: int, rate: float) -> Tensor:
    """Sinusoids of the middle of a step in video frames; wave lengths from 2 to 256 frames, 16 of them."""
    lengths = [2 * (256 / 2) ** (wave / 15) for wave in range(16)]
    angles = [2 * math.pi * (step + 0.5) / rate / length for length in lengths]
    return torch.tensor([math.cos(a) for a in angles] + [math.sin(a) for a in angles], dtype=torch.float64)


def heard_keys(ear: HearKeys, features: Tensor, message: Tensor, *, turn: float = 0.0) -> Tensor:
    """What one item is to add to its features."""
    own = columns(features)
    keys, values = message[0].chunk(2)
    answers = torch.empty_like(features)
    for step, rows in enumerate(own):
        heard = heard_steps(ear, step, own_steps=len(own), other_steps=message.shape[-1], turn=turn)
        clocks = [F.linear(time_of(other, float(ear.other_rate)), ear.key_clock.weight) for other in heard]
        k = torch.cat([keys[:, :, other].T + clock for other, clock in zip(heard, clocks, strict=True)])
        v = torch.cat([values[:, :, other].T for other in heard])
        q = F.linear(whitened(ear.norm, rows), ear.to_query.weight, ear.to_query.bias)
        q = q + F.linear(time_of(step, float(ear.own_rate)), ear.query_clock.weight)
        answer = torch.empty_like(q)
        width = q.shape[1] // ear.heads
        for head in range(ear.heads):
            part = slice(head * width, (head + 1) * width)
            for query in range(len(q)):
                weights = torch.exp(k[:, part] @ q[query, part] / math.sqrt(width))
                answer[query, part] = (weights / weights.sum()) @ v[:, part]
        answer = F.linear(answer, ear.project.weight, ear.project.bias)  # pyright: ignore[reportArgumentType]
        if features.ndim == 5:
            answers[0, :, step] = answer.T.reshape(answers.shape[1], *answers.shape[3:])
        else:
            answers[0, :, :, step] = answer.T
    return answers


def heard_steps(ear: HearKeys, step: int, *, own_steps: int, other_steps: int, turn: float) -> list[int]:
    """The other stream's steps that a step hears: all; or those of the units i + r to i + r + S - 1, cyclically."""
    if not isinstance(ear, HearShiftedKeys):
        return list(range(other_steps))
    units = own_steps // ear.own_steps
    unit, shift = step // ear.own_steps, math.floor(units * ((ear.start + turn) - math.floor(ear.start + turn)))
    heard = dict.fromkeys((unit + shift + place) % units for place in range(ear.window))
    return [other * ear.other_steps + part for other in heard for part in range(ear.other_steps)]
