"""Training of the frame autoencoder: batches however they are cut, crops on the grid of the latents."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cmmd.cli import main
from cmmd.data.order import batch_indices
from cmmd.data.pictures.picture import pictures
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig
from cmmd.files.inline_groups import replaced
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.losses.reconstruction import reconstruction_losses
from cmmd.recipes.autoencoder import CROP, EVERY, AutoencoderRecipe, autoencoder_objective, training_frames
from cmmd.training.objective import MicroBatch


def placed_frames(count: int) -> torch.Tensor:
    """Pictures whose red is the frame's number, green the row and blue the column."""
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    pictures = [torch.stack([torch.full_like(rows, frame), rows, columns], dim=-1) for frame in range(count)]
    return torch.stack(pictures).byte()


def test_a_batch_is_the_same_however_it_is_cut():
    objective = autoencoder_objective(placed_frames(10), batch_size=8, latent_channels=4, seed=1)
    whole = objective.draw(2, MicroBatch())
    cut = [objective.draw(2, MicroBatch(index, 4)) for index in range(4)]
    assert torch.equal(torch.cat([part.pixels for part in cut]), whole.pixels)
    assert torch.equal(torch.cat([part.noise for part in cut]), whole.noise)
    assert not torch.equal(whole.noise, objective.draw(3, MicroBatch()).noise)


def test_crops_lie_on_the_grid_of_the_latents_and_come_from_everywhere():
    objective = autoencoder_objective(placed_frames(10), batch_size=8, latent_channels=4, seed=1)
    corners = set()
    for step in range(100):
        numbers = ((objective.draw(step, MicroBatch()).pixels + 1) * 127.5).round().int()
        top, left = numbers[:, 1, 0, 0].unique().tolist(), numbers[:, 2, 0, 0].unique().tolist()
        assert len(top) == len(left) == 1 and numbers.shape == (8, 3, CROP, CROP)
        assert torch.equal(numbers[:, 0, 0, 0], batch_indices(10, 8, seed=1, step=step))
        corners.add((*top, *left))
    assert corners == {(top, left) for top in range(0, 33, 8) for left in range(0, 33, 8)}


def test_it_learns_frames_of_the_clips_and_then_the_pictures():
    data = WorldConfig(families=("impacts", "hits"), clips=1, frames=9)
    frames = training_frames(AutoencoderRecipe(data=data, pictures=3))
    clips = [world_clip(family, 0, frames=9).frames[::EVERY] for family in data.families]
    assert torch.equal(frames, torch.from_numpy(np.concatenate([*clips, pictures(range(3))])))


def test_sizes_of_the_network_are_settings():
    autoencoder = small_autoencoder(latent_channels=8, width=48)
    (latents,) = autoencoder.encode(torch.zeros(1, 3, 64, 64), return_dict=False)  # pyright: ignore[reportArgumentType]
    assert latents.shape == (1, 8, 8, 8)
    assert autoencoder.encoder.layers[0].out_channels == 48
    for name, value in (("latent_channels", 0), ("width", 2000), ("pictures", -1)):
        with pytest.raises(ValueError, match=f"^{name} is {value}, expected"):
            replace(AutoencoderRecipe(), **{name: value})


def test_terms_are_sums_over_the_items():
    torch.manual_seed(0)
    autoencoder = small_autoencoder()
    objective = autoencoder_objective(placed_frames(10), batch_size=4, latent_channels=4, seed=1)
    batch = objective.draw(0, MicroBatch())
    alone = reconstruction_losses(autoencoder, batch.pixels, noise=batch.noise)
    for name, term in objective.losses(autoencoder, batch).items():
        assert term.count == 4
        torch.testing.assert_close(term.total, 4 * alone[name])


@pytest.mark.parametrize("change", [{"weight_decay": 0.01}, {"fsdp": True}])
def test_a_start_stays_as_it_is(change):
    recipe = AutoencoderRecipe(start="shipped")
    with pytest.raises(ValueError, match="expected 0 and False with start"):
        replace(recipe, loop=replaced(recipe.loop, **change))
    replace(recipe, start=None, loop=replaced(recipe.loop, **change))


@pytest.mark.parametrize(
    ("setting", "message"),
    [("width=8", "are 4 and 8, expected at least 12 and 48"), ("start=NOWHERE", "NOWHERE")],
)
def test_a_start_that_does_not_fit_is_one_line(setting, message, tmp_path, capsys):
    words = [
        "--set",
        "start=shipped",
        "--set",
        "data.clips=1",
        "--set",
        setting.replace("NOWHERE", str(tmp_path / "NOWHERE")),
    ]
    assert main(["train", "world.autoencoder", "--out", str(tmp_path / "run"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
