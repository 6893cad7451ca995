"""The losses of a step against a literal computation: item by item, condition by condition, through the cached path."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from small_training import ALL_KINDS, NETWORK, batch_config, small_clips, small_network
from torch import Tensor

from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.process import PredictionType
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import TrainingBatch, draw_batch
from cmmd.training.cmmd_losses import NOISE_LEVELS, cmmd_losses
from cmmd.training.negatives import WrongConditions, WrongTargets
from cmmd.training.objective import MicroBatch, Term, means, moved, summed

COARSE = replace(NETWORK, video_widths=(16, 16, 24), audio_widths=(16, 16, 24), patch=4)
"""Its sound has four stretches of time for eight frames."""


def drawn(
    step: int = 5, *, network: NetworkConfig = NETWORK, count: int = 1, index: int = 0, **options
) -> TrainingBatch:
    config = batch_config(network=network, **options)
    batch = draw_batch(small_clips(), config, seed=0, step=step, micro_batch=MicroBatch(index, count))
    return moved(batch, dtype=torch.float64)


def column(values: Tensor, like: Tensor) -> Tensor:
    """A value a video frame, over a clip without its batch axis."""
    return values[None, :, None, None] if like.ndim == 4 else values.repeat_interleave(8)[None, None, :]


class Literal(NamedTuple):
    """One item and target: what the network says, what it should say, the noisy and the clean signal, times, mask."""

    said: Tensor
    aim: Tensor
    noisy: Tensor
    clean: Tensor
    t: Tensor
    mask: Tensor

    @classmethod
    def of(cls, batch: TrainingBatch, item: int, target: str, kind: PredictionType, said: Tensor | None) -> "Literal":
        clean, noise = getattr(batch.clean, target)[item], getattr(batch.noise, target)[item]
        t, mask = getattr(batch.modes, f"t_{target}")[item], getattr(batch.modes, f"{target}_loss")[item]
        a, s = (column(wave(math.pi / 2 * t), clean) for wave in (torch.cos, torch.sin))
        aim = a * noise - s * clean if kind == "v_prediction" else noise
        return cls(aim if said is None else said, aim, a * clean + s * noise, clean, t, mask)

    def far(self, x: Tensor, y: Tensor) -> float:
        """Mean square over the generated frames."""
        frames = (x - y).square().movedim(1 if x.ndim == 4 else 2, 0).reshape(8, -1).mean(1)
        return float(frames[self.mask.bool()].mean())

    @property
    def error(self) -> float:
        return self.far(self.said, self.aim)

    def implied(self, kind: PredictionType) -> Tensor:
        a, s = (column(wave(math.pi / 2 * self.t), self.clean) for wave in (torch.cos, torch.sin))
        return a * self.noisy - s * self.said if kind == "v_prediction" else (self.noisy - s * self.said) / a


def literal(
    unet: CoupledUNet, batch: TrainingBatch, item: int, target: str, condition: Condition | None, kind: PredictionType
) -> Literal:
    """By hand but for the network, whose target stream runs alone on an encoded condition."""
    asked = Literal.of(batch, item, target, kind, None)
    said = unet.predict(asked.noisy[None], modality=target, t=asked.t[None], condition=condition)[0]  # pyright: ignore
    return asked._replace(said=said)


def condition_of(unet: CoupledUNet, batch: TrainingBatch, item: int, target: str) -> Condition:
    other = "video" if target == "audio" else "audio"
    return unet.encode_condition(getattr(batch.clean, other)[[item]], modality=other)  # pyright: ignore


def played(x: Tensor, speed: float, *, video: bool) -> Tensor:
    """A clip at another speed from its middle outwards, linearly interpolated, cyclic."""
    x = x.movedim(1 if video else 2, 0)
    time = len(x)
    rows = []
    for row in range(time):
        place = ((time - 1) / 2 + speed * (row - (time - 1) / 2)) % time
        low = min(int(place), time - 1)
        rows.append((1 - (place - low)) * x[low] + (place - low) * x[(low + 1) % time])
    return torch.stack(rows).movedim(0, 1 if video else 2)


def literal_negatives(
    unet: CoupledUNet, batch: TrainingBatch, negatives: WrongConditions, slot: int, target: str, kinds: tuple[str, ...]
) -> list[Condition]:
    """The mismatched conditions of a contrasted item, each made from clean latents on its own."""
    item, other = int(negatives.item[slot]), "video" if target == "audio" else "audio"
    conditions = []
    for row, kind in enumerate(kinds):
        if kind == "speed":
            clean = played(getattr(batch.clean, other)[item], float(negatives.sped[slot]), video=other == "video")
            conditions.append(unet.encode_condition(clean[None], modality=other))  # pyright: ignore
            continue
        condition = condition_of(unet, batch, int(negatives.speaker[row, slot]), target)
        order = negatives.order[row, slot].tolist()
        messages = []
        for message in condition.messages:
            length = message.shape[-1] // len(order)
            blocks = [message[..., place * length : (place + 1) * length] for place in order]
            messages.append(torch.cat(blocks, dim=-1))
        conditions.append(Condition(condition.modality, tuple(messages)))
    return conditions


def literal_targets(batch: TrainingBatch, negatives: WrongTargets, item: int, target: str) -> list[Tensor]:
    """The wrong targets of an item, each made from clean latents on its own."""
    made = []
    for row in range(len(negatives.clip)):
        clean = getattr(batch.clean, target)[int(negatives.clip[row, item])]
        axis = 1 if target == "video" else 2
        steps = [clean.select(axis, place) for place in negatives.order[row, item].tolist()]
        speed = 1.0 if negatives.speeds is None else float(negatives.speeds[row, item])
        made.append(played(torch.stack(steps, dim=axis), speed, video=target == "video"))
    return made


def infonce(right: float, wrong: list[float], temperature: float) -> float:
    mean = sum(wrong) / len(wrong)
    shares = [math.exp(-distance / mean / temperature) for distance in (right, *wrong)]
    return -math.log(shares[0] / sum(shares))


def literal_terms(
    unet: CoupledUNet, batch: TrainingBatch, config: ContrastiveConfig, kind: PredictionType
) -> dict[str, list[float]]:
    """Every value that enters a term, by its name. Joint items go through the network with their batch of one."""
    found: dict[str, list[float]] = {name: [] for name in ("loss", "video", "audio", "contrastive", *DIRECTIONS)}
    modes, made = batch.modes, {}
    for item in range(len(batch.clips)):
        direction, hears = DIRECTIONS[int(modes.direction[item])], bool(modes.audio_hears[item])
        parts = {}
        if direction == "joint":
            one = slice(item, item + 1)
            pair = {name: Literal.of(batch, item, name, kind, None) for name in ("video", "audio")}
            told = unet(
                pair["video"].noisy[None],
                pair["audio"].noisy[None],
                t_video=modes.t_video[one],
                t_audio=modes.t_audio[one],
                video_hears=modes.video_hears[one],
                audio_hears=modes.audio_hears[one],
            )
            parts = {name: pair[name]._replace(said=getattr(told, name)[0]) for name in pair}
        else:
            target = "audio" if direction == "video_to_audio" else "video"
            condition = condition_of(unet, batch, item, target) if hears else None
            parts[target] = literal(unet, batch, item, target, condition, kind)
        for name, part in parts.items():
            found[name].append(part.error)
            made[item, name] = part
        found["loss"].append(sum(part.error for part in parts.values()))
        found[direction].append(parts.get("audio", parts.get("video")).error)  # pyright: ignore
    assert batch.contrast is not None
    for target, (conditions, targets) in (("audio", batch.contrast.audio), ("video", batch.contrast.video)):
        assert conditions is not None and targets is not None
        for slot in conditions.counts.nonzero().flatten().tolist():
            item = int(conditions.item[slot])
            right = made[item, target].error
            wrong = [
                literal(unet, batch, item, target, condition, kind).error
                for condition in literal_negatives(unet, batch, conditions, slot, target, config.mismatches)
            ]
            found["contrastive"].append(infonce(right, wrong, config.temperature))
            level = min(math.ceil(float(getattr(modes, f"t_{target}")[item].max()) * NOISE_LEVELS), NOISE_LEVELS)
            for name, error in zip(config.mismatches, wrong, strict=True):
                found.setdefault(f"gap_{name}", []).append(error - right)
                found.setdefault(f"gap_{name}_noise{level}", []).append(error - right)
        for item in targets.counts.nonzero().flatten().tolist():
            part = made[item, target]
            implied = part.implied(kind)
            right = part.far(implied, part.clean)
            wrong = [part.far(implied, other) for other in literal_targets(batch, targets, item, target)]
            found["contrastive"].append(infonce(right, wrong, config.temperature))
            level = min(math.ceil(float(getattr(modes, f"t_{target}")[item].max()) * NOISE_LEVELS), NOISE_LEVELS)
            for row, distance in enumerate(wrong):
                name = config.mismatches[row // config.targets.count]
                found.setdefault(f"target_gap_{name}", []).append(distance - right)
                found.setdefault(f"target_gap_{name}_noise{level}", []).append(distance - right)
    return found


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("network", [NETWORK, COARSE], ids=["fine", "coarse"])
def test_every_term_is_the_literal_one(network, kind):
    unet = small_network(network).double()
    config = replace(ALL_KINDS, temperature=0.3)
    batch = drawn(network=network, contrastive=config)
    # The draw holds everything that could go wrong: all directions, dropped conditions, clean stretches, contrasts.
    modes = batch.modes
    assert set(modes.direction.tolist()) == {0, 1, 2} and not modes.audio_hears.all()
    assert ((modes.audio_loss == 0).any(1) & (modes.audio_loss == 1).any(1)).any()
    with torch.no_grad():
        terms = cmmd_losses(unet, batch, contrastive=config, prediction_type=kind)
        expected = literal_terms(unet, batch, config, kind)
    for name in ("loss", "contrastive"):
        assert terms[name].count == 16
    contrast = sum(expected.pop("contrastive"))
    denoising = sum(expected.pop("loss"))
    assert float(terms["contrastive"].total) == pytest.approx(contrast, rel=1e-9)
    assert float(terms["loss"].total) == pytest.approx(denoising + 0.5 * contrast, rel=1e-9)
    found = {name for name, term in terms.items() if term.count} - {"loss", "contrastive"}
    assert found == set(expected)
    for name, values in expected.items():
        assert terms[name].count == len(values), name
        assert float(terms[name].total) == pytest.approx(sum(values), rel=1e-8, abs=1e-10), name


def gradients(unet: CoupledUNet, count: int) -> tuple[dict[str, float], Tensor]:
    unet.zero_grad()
    parts = []
    for index in range(count):
        terms = cmmd_losses(unet, drawn(count=count, index=index, network=unet.network), contrastive=ALL_KINDS)
        (terms["loss"].total / 16).backward()
        parts.append(terms)
    found = [parameter.grad.flatten() for parameter in unet.parameters() if parameter.grad is not None]
    return means(tuple(parts[0]), summed(parts)), torch.cat(found)


@pytest.mark.parametrize("fusion", ["easy", "random_shift"])
def test_terms_and_gradients_do_not_depend_on_micro_batches(fusion):
    unet = small_network(replace(NETWORK, fusion=fusion)).double()
    terms, gradient = gradients(unet, 1)
    for count in (2, 4, 8):
        others, other = gradients(unet, count)
        assert others.keys() == terms.keys()
        assert all(others[name] == pytest.approx(value, rel=1e-10, abs=1e-12) for name, value in terms.items())
        assert (other - gradient).abs().max() <= 1e-10 * gradient.abs().max()


def test_what_only_fills_up_counts_for_nothing():
    """Micro-batches have room for more contrasted items than some of them hold."""
    unet = small_network().double()
    batch = drawn(count=8, index=7)
    assert batch.contrast is not None
    conditions, targets = batch.contrast.video
    assert conditions is not None and targets is not None
    assert len(conditions.counts) > conditions.counts.sum() and len(targets.counts) > targets.counts.sum()
    changed = batch.contrast.video._replace(
        conditions=conditions._replace(item=torch.where(conditions.counts == 0, 1, conditions.item)),
        targets=targets._replace(order=torch.where(targets.counts[:, None] == 0, targets.order.flip(2), targets.order)),
    )
    found = [
        cmmd_losses(unet, batch._replace(contrast=contrast), contrastive=ALL_KINDS)
        for contrast in (batch.contrast, batch.contrast._replace(video=changed))
    ]
    for name, term in found[0].items():
        assert torch.equal(term.total, found[1][name].total) and torch.equal(term.count, found[1][name].count)


def test_random_shifts_turn_with_the_batch():
    network = replace(NETWORK, fusion="random_shift")
    unet, batch = small_network(network).double(), drawn(network=network)
    first, second = (cmmd_losses(unet, batch._replace(turn=turn), contrastive=ALL_KINDS)["loss"] for turn in (0.1, 0.6))
    assert (first.total - second.total).abs() > 1e-6


def test_only_the_loss_has_a_gradient():
    terms = cmmd_losses(small_network().double(), drawn(), contrastive=ALL_KINDS)
    assert [name for name, term in terms.items() if term.total.requires_grad and name != "contrastive"] == ["loss"]


def test_the_gradient_is_the_slope_of_the_loss(monkeypatch):
    """Along directions that move all weights of both U-Nets and of their fusion: nothing that counts is detached but
    the mean that distances are divided by, which is left out here."""
    monkeypatch.setattr(
        "cmmd.losses.contrastive._relative_to_mean", lambda matched, mismatched, valid: (matched, mismatched)
    )
    unet, batch, step = small_network().double(), drawn(), 1e-6
    terms = cmmd_losses(unet, batch, contrastive=ALL_KINDS)
    found = torch.autograd.grad(terms["loss"].total, list(unet.parameters()), allow_unused=True)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        moves = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in unet.parameters()]
        slope = sum(float((g * move).sum()) for g, move in zip(found, moves, strict=True) if g is not None)
        losses = []
        for sign in (1, -2, 1):
            with torch.no_grad():
                for parameter, move in zip(unet.parameters(), moves, strict=True):
                    parameter += sign * step * move
                losses.append(float(cmmd_losses(unet, batch, contrastive=ALL_KINDS)["loss"].total))
        assert slope == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4)


def test_a_gap_needs_another_clip():
    batch = draw_batch(small_clips(1), batch_config(), seed=0, step=5)
    assert batch.contrast is not None
    terms = cmmd_losses(small_network(), batch, contrastive=ALL_KINDS)
    for kind, prefix, each in (("conditions", "gap", 1), ("targets", "target_gap", ALL_KINDS.targets.count)):
        contrasted = sum(
            float(getattr(side, kind).counts.sum()) for side in (batch.contrast.audio, batch.contrast.video)
        )
        assert terms[f"{prefix}_other_clip"].count == terms[f"{prefix}_other_clip"].total == 0
        assert terms[f"{prefix}_time_shift"].count == each * contrasted > 0


@pytest.mark.parametrize(("t", "level"), [(1e-3, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_noise_levels_hold_their_upper_ends(t, level):
    """Pure noise, t = 1, is of the last level."""
    batch = drawn()
    modes = batch.modes
    times = {name: torch.where(getattr(modes, name) > 0, t, 0.0).double() for name in ("t_video", "t_audio")}
    terms = cmmd_losses(small_network().double(), batch._replace(modes=modes._replace(**times)), contrastive=ALL_KINDS)
    counts = [float(terms[f"gap_speed_noise{number}"].count) for number in range(1, NOISE_LEVELS + 1)]
    assert counts[level - 1] == sum(counts) == terms["gap_speed"].count > 0


@pytest.mark.parametrize("direction", ["video_to_audio", "audio_to_video"])
def test_contrast_trains_the_speaker_and_the_hearer(direction):
    modes = ConditioningConfig(**({"video_to_audio": 0.0, "audio_to_video": 0.0, "joint": 0.0} | {direction: 1.0}))
    unet = small_network().double()
    terms = cmmd_losses(unet, drawn(conditioning=modes), contrastive=ALL_KINDS)
    terms["contrastive"].total.backward()
    for part in (unet.video_unet, unet.audio_unet):
        stem = part.stem.weight
        assert isinstance(stem, torch.nn.Parameter) and stem.grad is not None and stem.grad.abs().max() > 0


def test_a_batch_without_conditions_has_no_contrast():
    joint = ConditioningConfig(video_to_audio=0.0, audio_to_video=0.0, joint=1.0)
    dropped = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=1.0)
    config = replaced(ALL_KINDS, joint=False)
    for conditioning in (joint, dropped):
        batch = drawn(conditioning=conditioning, contrastive=config)
        terms = cmmd_losses(small_network().double(), batch, contrastive=config)
        assert terms["contrastive"].total == 0
        assert not any(term.count for name, term in terms.items() if "gap_" in name)
        terms["loss"].total.backward()


def test_a_clean_stream_that_hears_can_be_contrasted_too():
    network = replace(NETWORK, clean_hears=True)
    terms = cmmd_losses(small_network(network).double(), drawn(network=network), contrastive=ALL_KINDS)
    assert torch.isfinite(terms["loss"].total) and terms["gap_speed"].count > 0


def test_a_joint_item_is_contrasted_on_both_sides():
    joint = ConditioningConfig(video_to_audio=0.0, audio_to_video=0.0, joint=1.0, dropout=0.0)
    unet = small_network().double()
    terms = cmmd_losses(unet, drawn(conditioning=joint), contrastive=ALL_KINDS)
    assert terms["target_gap_time_shift"].count == 2 * 16 * ALL_KINDS.targets.count
    assert terms["gap_time_shift"].count == 0 < terms["contrastive"].total


@pytest.mark.parametrize("negatives", ["conditions", "targets"])
def test_contrast_opens_the_gap(negatives):
    """Trained on the term alone, the model learns what belongs: by its error, or by what its prediction is near to."""
    config = ContrastiveConfig(weight=1.0, negatives=negatives, fraction=1.0, temperature=0.05)
    modes = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)
    unet, clips = small_network(), small_clips()
    optimizer = torch.optim.Adam(unet.parameters(), lr=3e-3)
    gaps = []
    for step in range(30):
        batch = draw_batch(clips, batch_config(conditioning=modes, contrastive=config), seed=0, step=step)
        terms = cmmd_losses(unet, batch, contrastive=config)
        optimizer.zero_grad()
        terms["contrastive"].total.div(16).backward()
        optimizer.step()
        prefix = "gap" if negatives == "conditions" else "target_gap"
        gaps.append(sum(mean(terms[f"{prefix}_{kind}"]) for kind in config.mismatches))
    assert sum(gaps[-10:]) / 10 > sum(gaps[:10]) / 10 + 0.02


def mean(term: Term) -> float:
    return float(term.total / term.count)
