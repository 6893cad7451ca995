"""Training of the event encoder: crops with their curves, augmentation, and the autoencoder that is the result."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from tiny_runs import command, train

from cmmd.cli import main
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.sampling_config import SamplingConfig, UsualGuidance, UsualTemperature
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.event_encoder import EventEncoder
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.latents.video_autoencoder import load_autoencoder, weights_hash
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.pipeline import CMMDPipeline
from cmmd.recipes.event_examples import event_examples
from cmmd.recipes.events import EventsRecipe, events_objective, varied
from cmmd.recipes.starting_model import blended
from cmmd.training.objective import MicroBatch

pytestmark = pytest.mark.slow


def numbered(clips: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips whose pixels are the number of the frame, and curves whose values are the number of the frame too."""
    pixels = torch.arange(frames, dtype=torch.uint8)[None, :, None, None, None].expand(clips, frames, 16, 16, 3)
    return pixels, torch.arange(frames).repeat_interleave(8).float().expand(clips, -1)


def test_a_crop_and_its_curve_are_of_the_same_frames(monkeypatch):
    monkeypatch.setattr("cmmd.recipes.events.varied", lambda video, generator: video)
    objective = events_objective(*numbered(5, 12), crop=4, batch_size=4, seed=0)
    starts = set()
    for step in range(60):
        batch = objective.draw(step, MicroBatch())
        seen = ((batch.video[:, 0, :, 0, 0] + 1) * 127.5).round()
        assert batch.video.shape == (4, 3, 4, 16, 16) and batch.targets.shape == (4, 32)
        assert torch.equal(batch.targets, seen.repeat_interleave(8, dim=1))
        starts |= set(seen[:, 0].int().tolist())
    assert starts == set(range(9))


def test_a_batch_is_the_same_however_it_is_cut():
    objective = events_objective(*numbered(5, 12), crop=4, batch_size=8, seed=1)
    whole, cut = objective.draw(2, MicroBatch()), [objective.draw(2, MicroBatch(part, 4)) for part in range(4)]
    assert torch.equal(torch.cat([part.video for part in cut]), whole.video)
    assert torch.equal(torch.cat([part.targets for part in cut]), whole.targets)


def test_augmentation_changes_the_look_and_no_time():
    generator = torch.Generator().manual_seed(0)
    video = torch.zeros(64, 3, 6, 8, 8)
    video[:, :, 3] = 0.5  # one frame differs
    seen = varied(video, generator)
    change = (seen[:, :, 1:] - seen[:, :, :-1]).mean((1, 3, 4)).abs()
    assert set(change.topk(2).indices.sort().values.flatten(1).tolist()[0]) == {2, 3}
    assert torch.equal(change.topk(2).indices.sort().values, torch.tensor([2, 3]).expand(64, 2))
    assert seen.min() >= -1 and seen.max() <= 1 and seen[:, :, 3].mean((1, 2, 3)).std() > 0.05


def test_it_learns_a_few_clips():
    examples = event_examples(WorldConfig(families=("impacts",), clips=2, frames=16))
    objective = events_objective(*examples, crop=16, batch_size=2, seed=0)
    torch.manual_seed(0)
    encoder = EventEncoder(widths=(8, 8, 16, 16))
    optimiser = torch.optim.AdamW(encoder.parameters(), 5e-3)
    losses = []
    for step in range(60):
        term = objective.losses(encoder, objective.draw(step, MicroBatch()))["loss"]
        losses.append((term.total / term.count).item())
        optimiser.zero_grad()
        (term.total / term.count).backward()
        optimiser.step()
    assert sum(losses[-5:]) < 0.7 * sum(losses[5:10])


def test_the_result_is_an_autoencoder_with_the_pictures_of_the_given_one(tmp_path):
    settings = {"data.families": "[impacts]", "data.clips": 2, "data.frames": 16, "crop": 8, "loop.steps": 2}
    settings |= {"loop.batch_size": 2, "widths": "[4,4,4,4]"}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    assert main(["train", "world.events", "--out", str(tmp_path / "run"), *words]) == 0
    trained = load_autoencoder(str(tmp_path / "run" / "model"))
    assert isinstance(trained, EventAutoencoder)
    assert weights_hash(trained.pictures) == weights_hash(pictures_of("shipped"))
    again = ["--set", f"autoencoder={tmp_path / 'run' / 'model'}"]
    assert main(["train", "world.events", "--out", str(tmp_path / "again"), *words, *again]) == 0
    assert weights_hash(pictures_of(str(tmp_path / "again" / "model"))) == weights_hash(trained.pictures)


def pictures_of(name: str):
    autoencoder = load_autoencoder(name)
    return autoencoder.pictures if isinstance(autoencoder, EventAutoencoder) else autoencoder


def test_other_autoencoders_are_refused_in_one_line(tmp_path, capsys):
    small = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
    AutoencoderKL(**small, block_out_channels=(8,) * 4, norm_num_groups=4).save_pretrained(tmp_path / "kl")  # pyright: ignore[reportArgumentType]
    words = ["--set", f"autoencoder={tmp_path / 'kl'}", "--set", "data.clips=1"]
    assert main(["train", "world.events", "--out", str(tmp_path / "run"), *words]) == 2
    assert "found AutoencoderKL, expected AutoencoderTiny or EventAutoencoder" in capsys.readouterr().err


def test_impossible_settings_are_refused():
    for change, words in (({"crop": 60}, "crop is 60, expected 1 to data.frames, 48"), ({"widths": (4, 6, 8, 8)}, "6")):
        with pytest.raises(ValueError, match=words):
            replace(EventsRecipe(), **change)


def trained_without_events(folder: Path) -> CMMDPipeline:
    """Returns the model `folder`/first, whose latents are pictures; `folder`/events adds an event encoder."""
    small_autoencoder().save_pretrained(folder / "pictures")
    train("world.tiny", f"autoencoder={folder / 'pictures'}", out=folder / "first")
    model = CMMDPipeline.from_pretrained(folder / "first" / "model")
    torch.manual_seed(0)
    assert isinstance(model.video_autoencoder, AutoencoderTiny)
    joined = EventAutoencoder.of(model.video_autoencoder, EventEncoder(widths=(4, 4, 4, 4)))
    joined.save_pretrained(folder / "events")
    return model


def test_a_model_goes_on_with_events_added_to_its_latents(tmp_path):
    """At first the network computes what the model did that it starts from: events have no effect yet."""
    first = trained_without_events(tmp_path)
    added = ("autoencoder=" + str(tmp_path / "events"), "loop.learning_rate=1e-30")
    train("world.tiny", f"start={tmp_path / 'first' / 'model'}", *added, out=tmp_path / "second")
    second = CMMDPipeline.from_pretrained(tmp_path / "second" / "model")
    before, after = first.unet.state_dict(), second.unet.state_dict()
    assert {name.split(".")[0] for name in after.keys() - before.keys()} == {"event_messages"}
    assert all(torch.equal(after[name], known) for name, known in before.items())
    assert second.statistics["video"].mean[:4] == first.statistics["video"].mean
    assert len(second.statistics["video"].mean) == 12 and second.statistics["audio"] == first.statistics["audio"]
    assert second.video_to_audio(np.zeros((16, 64, 64, 3), np.uint8), steps=1)[0].waveform.shape == (25_600,)


def test_a_model_goes_on_with_further_latent_channels(tmp_path):
    """At first the sound for a video is what the model made that it starts from, and of the pictures that it generates
    only the further channels, which it does not know, are missing."""
    trained_without_events(tmp_path)
    settings = ("loop.learning_rate=1e-30", "loop.steps=1")
    start, known = tmp_path / "second" / "model", ("autoencoder=" + str(tmp_path / "events"), *settings)
    train("world.tiny", f"start={tmp_path / 'first' / 'model'}", *known, out=tmp_path / "second")
    wide = ("latent_channels=6", "width=36", "loop.batch_size=2", "loop.steps=1", "data.clips=1")
    words = [word for one in (f"start={tmp_path / 'events'}", *wide) for word in ("--set", one)]
    assert main(["train", "world.autoencoder", "--out", str(tmp_path / "wide"), *words]) == 0
    wide_model = str(tmp_path / "wide" / "model")
    chosen = load_autoencoder(wide_model)
    assert isinstance(chosen, EventAutoencoder) and chosen.config["picture_channels"] == 6

    train("world.tiny", f"start={start}", f"autoencoder={wide_model}", *settings, out=tmp_path / "third")
    second, third = CMMDPipeline.from_pretrained(start), CMMDPipeline.from_pretrained(tmp_path / "third" / "model")
    before, after = second.statistics["video"], third.statistics["video"]
    assert after.mean[:4] == before.mean[:4] and after.std[6:] == before.std[4:] and len(after.mean) == 14
    clip = world_clip("impacts", 3, frames=16)
    heard = [model.video_to_audio(clip.frames, steps=2)[0].waveform for model in (second, third)]
    np.testing.assert_allclose(heard[1], heard[0], atol=1e-4)
    condition, config = second.encode_audio(clip.waveform), SamplingConfig(steps=2)
    noise = third.noise("video", 16, seed=0, items=1)
    seen = [
        model.sample(condition, noise[:, :channels], "audio_to_video", config)
        for model, channels in ((second, 4), (third, 6))
    ]
    torch.testing.assert_close(seen[1][:, :4], seen[0], atol=1e-4, rtol=1e-4)


def test_a_model_goes_on_with_another_event_encoder(tmp_path):
    first = trained_without_events(tmp_path)
    added = (f"autoencoder={tmp_path / 'events'}", "loop.learning_rate=1e-30", "loop.steps=2")
    train("world.tiny", f"start={tmp_path / 'first' / 'model'}", *added, out=tmp_path / "second")
    assert isinstance(first.video_autoencoder, AutoencoderTiny)
    other = EventAutoencoder.of(first.video_autoencoder, EventEncoder(widths=(8, 8, 8, 8)))
    other.save_pretrained(tmp_path / "events")
    train("world.tiny", f"start={tmp_path / 'second' / 'model'}", *added, out=tmp_path / "third")
    second, third = (CMMDPipeline.from_pretrained(tmp_path / name / "model") for name in ("second", "third"))
    assert all(torch.equal(third.unet.state_dict()[name], known) for name, known in second.unet.state_dict().items())
    assert weights_hash(third.video_autoencoder) != weights_hash(second.video_autoencoder)
    before, after = (model.statistics["video"] for model in (second, third))
    assert after.mean[:4] == before.mean[:4] and not set(after.mean[4:]) & set(before.mean[4:])
    assert after.std[:4] == before.std[:4] and not set(after.std[4:]) & set(before.std[4:])


def test_the_result_has_a_share_of_the_starting_weights(tmp_path):
    first = trained_without_events(tmp_path)
    words = (f"start={tmp_path / 'first' / 'model'}", f"autoencoder={tmp_path / 'events'}", "loop.steps=4")
    words += ("loop.learning_rate=0.05", "loop.warmup=1")
    for share in (0, 0.25):
        train("world.tiny", *words, f"start_share={share}", out=tmp_path / f"of {share}")
    free, shared = (CMMDPipeline.from_pretrained(tmp_path / f"of {share}" / "model").unet for share in (0, 0.25))
    known, trained, found = (unet.state_dict() for unet in (first.unet, free, shared))
    assert all(torch.allclose(found[n], 0.75 * trained[n] + 0.25 * known[n], atol=2e-3) for n in known)
    assert any((trained[name] - known[name]).abs().max() > 0.05 for name in known)
    assert all(torch.equal(found[name], trained[name]) for name in trained.keys() - known.keys())


def test_weights_of_added_latent_channels_have_no_share_of_the_starting_ones():
    torch.manual_seed(0)
    network = NetworkConfig(video_widths=(8, 8), audio_widths=(8, 8), attention_levels=(), heads=2, message_width=8)
    known, wider = (
        CoupledUNet(frames=8, latent_channels=channels, latent_size=4, mels=16, network=network) for channels in (4, 6)
    )
    trained = {name: weight.clone() for name, weight in wider.state_dict().items()}
    start: Any = SimpleNamespace(unet=known)
    found = blended(wider, start, 0.25).state_dict()
    parts = {name: tuple(map(slice, weight.shape)) for name, weight in known.state_dict().items()}
    for name, weight in known.state_dict().items():
        torch.testing.assert_close(found[name][parts[name]], 0.75 * trained[name][parts[name]] + 0.25 * weight)
    stem, head = "video_unet.stem.weight", "video_unet.head.weight"
    assert torch.equal(found[stem][:, 4:], trained[stem][:, 4:]) and torch.equal(found[head][4:], trained[head][4:])


def test_only_what_reads_events_is_trained_if_wanted(tmp_path, capsys):
    first = trained_without_events(tmp_path)
    words = (
        f"start={tmp_path / 'first' / 'model'}",
        "trained=events",
        "loop.learning_rate=0.1",
        "loop.steps=4",
        "conditioning.video_to_audio=1",
    )
    words += ("conditioning.audio_to_video=0", "conditioning.joint=0")
    train("world.tiny", *words, f"autoencoder={tmp_path / 'events'}", out=tmp_path / "second")
    second = CMMDPipeline.from_pretrained(tmp_path / "second" / "model")
    before, after = first.unet.state_dict(), second.unet.state_dict()
    assert all(torch.equal(after[name], known) for name, known in before.items())
    assert all(after[name].abs().max() > 0.01 for name in after.keys() - before.keys())
    sound = world_clip("impacts", 5).waveform
    one, other = (model.audio_to_video(sound, steps=2)[0].frames for model in (first, second))
    assert np.array_equal(one, other)
    assert main(command("world.tiny", *words, out=tmp_path / "third")) == 2
    assert "found an autoencoder without an event encoder, expected an EventAutoencoder" in capsys.readouterr().err


def test_the_recipe_of_the_shipped_event_messages_trains_nothing_else(tmp_path):
    settings = ("data.clips=1", "data.frames=16", "loop.steps=1", "loop.batch_size=2", "loop.warmup=1")
    settings += ("temperature.joint=0.5",)
    assert main(command("world.event_messages", *settings, out=tmp_path / "run", tiny=False)) == 0
    trained, shipped = CMMDPipeline.from_pretrained(tmp_path / "run" / "model"), CMMDPipeline.from_pretrained()
    after = trained.unet.state_dict()
    changed = {name for name, known in shipped.unet.state_dict().items() if not torch.equal(after[name], known)}
    assert {name.split(".")[0] for name in changed} == {"event_messages"}
    assert trained.usual_guidance == UsualGuidance() and trained.levels == shipped.levels
    assert trained.usual_temperature == UsualTemperature(joint=0.5)
    assert type(trained.waveform_decoder) is type(shipped.waveform_decoder)


def test_a_model_does_not_go_on_with_other_latents(tmp_path, capsys):
    torch.manual_seed(0)
    EventAutoencoder.of(small_autoencoder(), EventEncoder(widths=(4, 4, 4, 4))).save_pretrained(tmp_path / "events")
    words = command("world.fine_tune", "start=shipped", f"autoencoder={tmp_path / 'events'}", out=tmp_path / "run")
    words = [word for word in words if not word.startswith("network.")]
    words = [word for at, word in enumerate(words) if word != "--set" or "=" in words[at + 1]]
    assert main(words) == 2
    assert "found another autoencoder than that of the model to start from" in capsys.readouterr().err
