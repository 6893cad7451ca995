"""Drawing of hits: sprites are where their pose says, with soft edges; film keeps what it should."""

import numpy as np
import pytest
from PIL import Image

from cmmd.data.pictures.outlines import box, ellipse
from cmmd.data.world.hits.film import compressed, enlarged
from cmmd.data.world.hits.sprites import Look, Patch, Sprite, bake
from cmmd.data.world.hits.stage import Stage, chained, inverted, render

WHITE = Look(colour=np.ones(3), gloss=0.0)


def black(density: float = 1.0) -> Sprite:
    side = int(104 * density)
    return Sprite(
        picture=Image.new("RGB", (side, side)),
        mask=Image.new("L", (1, 1)),
        density=density,
        origin=np.full(2, 20.0 * density),
    )


def still(moments: int) -> np.ndarray:
    return np.broadcast_to(np.eye(2, 3), (moments, 2, 3)).copy()


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("density", [1.0, 1.3])
def test_a_sprite_covers_the_area_of_its_outline_where_it_was_put(size, density):
    stage = Stage(t=np.zeros(1))
    sprite = bake([Patch(ellipse(9, 5, corners=48), WHITE)], density=density * size / 64, light=0.0)
    stage.add(sprite, np.array([30.4, 20.3]), angle=0.5)
    frame = render(stage, black(), still(1), size=size, exposures=1)[0, :, :, 0].astype(float)
    unit = size / 64
    assert frame.sum() / unit**2 == pytest.approx(45 * np.pi, rel=0.02)
    axis = (np.arange(size) + 0.5) / unit
    assert (frame.sum(0) @ axis) / frame.sum() == pytest.approx(30.4, abs=0.1)
    assert (frame.sum(1) @ axis) / frame.sum() == pytest.approx(20.3, abs=0.1)


def test_a_moving_thing_is_blurred_over_the_exposure():
    stage = Stage(t=np.arange(4.0))
    sprite = bake([Patch(box(2, 20), WHITE)], density=1.0, light=0.0)
    stage.add(sprite, np.stack([20 + 4 * np.arange(4.0), np.full(4, 32.0)], axis=1))
    frame = render(stage, black(), still(4), size=64, exposures=4)[0, 32, :, 0]
    assert frame[:17].max() == 0 and frame[18:34] == pytest.approx(0.25, abs=0.07) and frame[35:].max() == 0


def test_what_is_in_front_hides_and_opacity_lets_through():
    stage = Stage(t=np.zeros(2))
    grey = Look(colour=np.full(3, 0.5), gloss=0.0)
    stage.add(bake([Patch(box(9, 9), WHITE)], density=1.0, light=0.0), np.array([32.0, 32.0]))
    sprite = bake([Patch(box(4, 4), grey)], density=1.0, light=0.0)
    stage.add(sprite, np.array([32.0, 32.0]), opacity=np.array([1.0, 0.5]))
    frames = render(stage, black(), still(2), size=64, exposures=1)
    assert frames[:, 32, 32, 0] == pytest.approx([0.5, 0.75], abs=0.01)
    assert frames[:, 32, 25, 0] == pytest.approx([1.0, 1.0])


def test_the_camera_moves_backdrop_and_things_together():
    stage = Stage(t=np.zeros(1))
    dot = np.zeros((104, 104, 3), np.uint8)
    dot[20 + 10, 20 + 40] = 255  # at 40.5, 10.5
    backdrop = Sprite(picture=Image.fromarray(dot), mask=Image.new("L", (1, 1)), density=1.0, origin=np.full(2, 20.0))
    stage.add(bake([Patch(box(2.5, 2.5), WHITE)], density=1.0, light=0.0), np.array([20.5, 30.5]))
    camera = still(1)
    camera[:, :, 2] = (3.0, -2.0)
    frame = render(stage, backdrop, camera, size=64, exposures=1)[0, :, :, 0]
    assert frame[8, 43] == pytest.approx(1.0) and frame[28, 23] == pytest.approx(1.0, abs=0.01)
    assert frame[27:30, 22:25] == pytest.approx(1.0, abs=0.02) and frame[28, [19, 27]].max() < 0.05


def test_what_is_outside_the_picture_is_not_painted():
    stage = Stage(t=np.zeros(1))
    stage.add(bake([Patch(box(3, 3), WHITE)], density=1.0, light=0.0), np.array([-10.0, 90.0]))
    assert render(stage, black(), still(1), size=64, exposures=1).max() == 0


def test_maps_chain_and_invert():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 5, 2, 3))
    point = np.array([2.0, -1.0])

    def apply(maps: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.einsum("nij,nj->ni", maps[:, :, :2], np.broadcast_to(where, (5, 2))) + maps[:, :, 2]

    assert apply(chained(one, other), point) == pytest.approx(apply(one, apply(other, point)))
    assert apply(inverted(one), apply(one, point)) == pytest.approx(np.broadcast_to(point, (5, 2)))


def test_shade_is_lighter_towards_the_light_and_glass_lets_through():
    grey = Look(colour=np.full(3, 0.4), gloss=0.8)
    lit = np.asarray(bake([Patch(box(8, 8), grey)], density=2.0, light=-np.pi / 2).picture, float)[..., 0]
    middle = lit.shape[1] // 2
    assert lit[4:12, middle].mean() > lit[-12:-4, middle].mean() + 10
    glass = bake([Patch(box(8, 8), Look(colour=np.ones(3), clear=0.5))], density=2.0, light=0.0)
    assert np.asarray(glass.mask)[16, 16] == pytest.approx(128, abs=2)


def test_compression_costs_more_at_a_worse_quality_and_is_repeatable():
    rng = np.random.default_rng(0)
    frames = np.clip(rng.normal(128, 30, (1, 64, 64, 3)) + 5 * np.arange(6)[:, None, None, None], 0, 255).astype(
        np.uint8
    )
    good, bad = compressed(frames, quality=18, fps=10), compressed(frames, quality=40, fps=10)
    errors = [np.abs(made.astype(float) - frames).mean() for made in (good, bad)]
    assert good.shape == frames.shape and errors[0] < errors[1] < 40
    assert np.array_equal(bad, compressed(frames, quality=40, fps=10))


def test_a_small_picture_made_large_has_less_detail():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    softer = enlarged(rng, frames)
    assert softer.shape == frames.shape
    assert (
        np.abs(np.diff(softer.astype(float), axis=2)).mean()
        < 0.8 * np.abs(np.diff(frames.astype(float), axis=2)).mean()
    )
