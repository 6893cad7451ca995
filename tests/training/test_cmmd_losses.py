"""The losses of a step against a literal computation: item by item, condition by condition, through the cached path."""

import math
from dataclasses import replace

import pytest
import torch
from small_training import ALL_KINDS, NETWORK, batch_config, small_clips, small_network
from torch import Tensor

from cmmd.diffusion.conditioning import DIRECTIONS, ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import Negatives, TrainingBatch, draw_batch
from cmmd.training.cmmd_losses import NOISE_LEVELS, cmmd_losses
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


def literal_error(
    unet: CoupledUNet, batch: TrainingBatch, item: int, target: str, condition: Condition | None, kind: PredictionType
) -> float:
    """d(x, c) of one item: by hand but for the network, whose target stream runs alone on an encoded condition."""
    clean, noise = getattr(batch.clean, target)[item], getattr(batch.noise, target)[item]
    t, mask = getattr(batch.modes, f"t_{target}")[item], getattr(batch.modes, f"{target}_loss")[item]
    a, s = (column(wave(math.pi / 2 * t), clean) for wave in (torch.cos, torch.sin))
    noisy = a * clean + s * noise
    aim = a * noise - s * clean if kind == "v_prediction" else noise
    said = unet.predict(noisy[None], modality=target, t=t[None], condition=condition)[0]  # pyright: ignore
    squared = (said - aim).square()
    time = 1 if target == "video" else 2
    frames = squared.movedim(time, 0).reshape(8, -1).mean(1)
    return float(frames[mask.bool()].mean())


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
    unet: CoupledUNet, batch: TrainingBatch, negatives: Negatives, slot: int, target: str, kinds: tuple[str, ...]
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


def literal_terms(
    unet: CoupledUNet, batch: TrainingBatch, config: ContrastiveConfig, kind: PredictionType
) -> dict[str, list[float]]:
    """Every value that enters a term, by its name. Joint items go through the network with their batch of one."""
    found: dict[str, list[float]] = {name: [] for name in ("loss", "video", "audio", "contrastive", *DIRECTIONS)}
    modes = batch.modes
    for item in range(len(batch.clips)):
        direction, hears = DIRECTIONS[int(modes.direction[item])], bool(modes.audio_hears[item])
        errors = {}
        if direction == "joint":
            one = slice(item, item + 1)
            pair = {}
            for name in ("video", "audio"):
                clean, noise = getattr(batch.clean, name)[item], getattr(batch.noise, name)[item]
                t = getattr(modes, f"t_{name}")[item]
                a, s = (column(wave(math.pi / 2 * t), clean) for wave in (torch.cos, torch.sin))
                pair[name] = ((a * clean + s * noise)[None], a * noise - s * clean if kind == "v_prediction" else noise)
            told = unet(
                pair["video"][0],
                pair["audio"][0],
                t_video=modes.t_video[one],
                t_audio=modes.t_audio[one],
                video_hears=modes.video_hears[one],
                audio_hears=modes.audio_hears[one],
            )
            for name, said in (("video", told.video[0]), ("audio", told.audio[0])):
                frames = (said - pair[name][1]).square().movedim(1 if name == "video" else 2, 0).reshape(8, -1).mean(1)
                errors[name] = float(frames[getattr(modes, f"{name}_loss")[item].bool()].mean())
        else:
            target = "audio" if direction == "video_to_audio" else "video"
            condition = condition_of(unet, batch, item, target) if hears else None
            errors[target] = literal_error(unet, batch, item, target, condition, kind)
        for name, error in errors.items():
            found[name].append(error)
        found["loss"].append(sum(errors.values()))
        found[direction].append(errors.get("audio", errors.get("video", math.nan)))
    assert batch.contrast is not None
    for target, negatives in (("audio", batch.contrast.audio), ("video", batch.contrast.video)):
        for slot in range(len(negatives.item)):
            if not negatives.counts[slot]:
                continue
            item = int(negatives.item[slot])
            right = literal_error(unet, batch, item, target, condition_of(unet, batch, item, target), kind)
            wrong = [
                literal_error(unet, batch, item, target, condition, kind)
                for condition in literal_negatives(unet, batch, negatives, slot, target, config.mismatches)
            ]
            shares = [math.exp(-error / config.temperature) for error in (right, *wrong)]
            found["contrastive"].append(-math.log(shares[0] / sum(shares)))
            level = min(math.ceil(float(getattr(modes, f"t_{target}")[item].max()) * NOISE_LEVELS), NOISE_LEVELS)
            for name, error in zip(config.mismatches, wrong, strict=True):
                found.setdefault(f"gap_{name}", []).append(error - right)
                found.setdefault(f"gap_{name}_noise{level}", []).append(error - right)
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
        terms = cmmd_losses(unet, drawn(count=count, index=index), contrastive=ALL_KINDS)
        (terms["loss"].total / 16).backward()
        parts.append(terms)
    found = [parameter.grad.flatten() for parameter in unet.parameters() if parameter.grad is not None]
    return means(tuple(parts[0]), summed(parts)), torch.cat(found)


def test_terms_and_gradients_do_not_depend_on_micro_batches():
    unet = small_network().double()
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
    side = batch.contrast.video
    assert len(side.counts) > side.counts.sum()
    changed = side._replace(item=torch.where(side.counts == 0, 1, side.item))
    found = [
        cmmd_losses(unet, batch._replace(contrast=contrast), contrastive=ALL_KINDS)
        for contrast in (batch.contrast, batch.contrast._replace(video=changed))
    ]
    for name, term in found[0].items():
        assert torch.equal(term.total, found[1][name].total) and torch.equal(term.count, found[1][name].count)


def test_only_the_loss_has_a_gradient():
    terms = cmmd_losses(small_network().double(), drawn(), contrastive=ALL_KINDS)
    assert [name for name, term in terms.items() if term.total.requires_grad and name != "contrastive"] == ["loss"]


def test_the_gradient_is_the_slope_of_the_loss():
    """Along directions that move all weights of both U-Nets and of their fusion: nothing that counts is detached."""
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
    contrasted = float(batch.contrast.audio.counts.sum() + batch.contrast.video.counts.sum())
    assert terms["gap_other_clip"].count == terms["gap_other_clip"].total == 0
    assert terms["gap_time_shift"].count == contrasted > 0


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
    for conditioning in (joint, dropped):
        terms = cmmd_losses(small_network().double(), drawn(conditioning=conditioning), contrastive=ALL_KINDS)
        assert terms["contrastive"].total == 0
        assert not any(term.count for name, term in terms.items() if name.startswith("gap_"))
        terms["loss"].total.backward()


def test_a_clean_stream_that_hears_can_be_contrasted_too():
    network = replace(NETWORK, clean_hears=True)
    terms = cmmd_losses(small_network(network).double(), drawn(network=network), contrastive=ALL_KINDS)
    assert torch.isfinite(terms["loss"].total) and terms["gap_speed"].count > 0


def test_contrast_opens_the_gap():
    """Trained on the term alone, the model learns to be worse under the wrong condition than under the right one."""
    config = ContrastiveConfig(weight=1.0, fraction=1.0, temperature=0.02)
    modes = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)
    unet, clips = small_network(), small_clips()
    optimizer = torch.optim.Adam(unet.parameters(), lr=3e-3)
    gaps = []
    for step in range(60):
        batch = draw_batch(clips, batch_config(conditioning=modes, contrastive=config), seed=0, step=step)
        terms = cmmd_losses(unet, batch, contrastive=config)
        optimizer.zero_grad()
        terms["contrastive"].total.div(16).backward()
        optimizer.step()
        gaps.append(sum(mean(terms[f"gap_{kind}"]) for kind in config.mismatches))
    assert sum(gaps[-10:]) / 10 > sum(gaps[:10]) / 10 + 0.02


def mean(term: Term) -> float:
    return float(term.total / term.count)
