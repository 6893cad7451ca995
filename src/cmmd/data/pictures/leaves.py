"""Dead leaves: shapes that occlude each other, sizes by a power law (Lee, Mumford and Huang 2001; Baradad et al. 2021).

The indices of leaves are painted at twice the resolution of a layer. Colour, texture and shade are then looked up for
all pixels at once.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cmmd.data.pictures.outlines import blob, box, ellipse, point, turned, wedge
from cmmd.data.pictures.palette import draw_palette
from cmmd.data.pictures.textures import NUMBERS, SIDE, STEP, atlas

OVERSAMPLING = 2
FORMS = 4
"""Number of outlines in a layer. Its leaves use them at all sizes and rotations."""
FAR = 64 * SIDE
"""Offset (texels) that makes texture coordinates positive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """colour: float32 (h, w, 3), about [0, 1], multiplied by cover. cover: (h, w), 1 where a leaf or the ground is."""

    colour: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaves:
    """centres: (n, 2), fractions of the side. radius (fraction of the side), angle (radians), form (index): (n,).
    kin: index of the kind, (n,); leaves of one kind look alike."""

    centres: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    form: np.ndarray
    kin: np.ndarray


def paint_layer(rng: np.random.Generator, size: int, *, leaves: int, ground: bool = True) -> Layer:
    """Paints a layer of about `leaves` leaves. The random draws do not depend on size. ground: paint the area behind
    the leaves too; otherwise it is transparent."""
    side = size * OVERSAMPLING
    fallen, forms = _scatter(rng, leaves), _forms(rng)
    if ground and rng.random() < 0.35:
        fallen = _joined(fallen, _rows(rng))
    canvas = Image.new("I", (side, side))
    draw = ImageDraw.Draw(canvas)
    planes = _draw_planes(rng, draw, side) if ground else 0
    scale = fallen.radius * side
    cosine, sine = np.cos(fallen.angle) * scale, np.sin(fallen.angle) * scale
    for index, form in enumerate(fallen.form.tolist()):
        turn = np.array([[cosine[index], sine[index]], [-sine[index], cosine[index]]])
        corners = forms[form] @ turn + fallen.centres[index] * side
        draw.polygon(corners.ravel().tolist(), fill=planes + 1 + index)
    labels = np.asarray(canvas)
    colour = _surfaces(rng, labels, fallen, planes + 1)
    if rng.random() < 0.5:
        colour *= _cast_shadow(rng, labels)
    cover = np.ones_like(labels, np.float32) if ground else (labels > 0).astype(np.float32)
    return Layer(colour=np.ascontiguousarray(_reduced(colour * cover).transpose(1, 2, 0)), cover=_reduced(cover))


def _scatter(rng: np.random.Generator, leaves: int) -> Leaves:
    """Draws random leaves. The density of radii falls with radius ** -exponent; large leaves are mostly below small
    ones. Angles are random, or along two perpendicular axes as in built scenes."""
    exponent = rng.uniform(1.2, 2.8)
    smallest, largest = np.exp(rng.uniform(np.log(0.015), np.log(0.08))), rng.uniform(0.2, 0.6)
    low, high = smallest ** (1 - exponent), largest ** (1 - exponent)
    radius = (low + rng.random(leaves) * (high - low)) ** (1 / (1 - exponent))
    if rng.random() < 0.7:
        radius = radius[np.argsort(-radius * np.exp(rng.normal(0, 0.5, leaves)))]
    angle = rng.uniform(0, 2 * np.pi, leaves)
    if rng.random() < 0.6:
        quarter = np.pi / 2
        angle = np.round(angle / quarter) * quarter + rng.normal(0, 0.3) + rng.normal(0, 0.05, leaves)
    return Leaves(
        centres=rng.uniform(-0.1, 1.1, (leaves, 2)),
        radius=radius,
        angle=angle,
        form=rng.integers(0, FORMS, leaves),
        kin=np.arange(leaves),
    )


def _rows(rng: np.random.Generator) -> Leaves:
    """Leaves of one kind in rows, like keys, slats, books or windows."""
    across, down = int(rng.integers(2, 11)), int(rng.integers(1, 6))
    pitch = rng.uniform(0.05, 0.2) * np.array([1.0, np.exp(rng.normal(0, 0.4))])
    angle = rng.normal(0, 0.25)
    x, y = np.meshgrid(np.arange(across) - (across - 1) / 2, np.arange(down) - (down - 1) / 2)
    centres = turned(np.stack([x.ravel(), y.ravel()], axis=1) * pitch, angle) + rng.uniform(0.2, 0.8, 2)
    count = across * down
    return Leaves(
        centres=centres,
        radius=np.full(count, rng.uniform(0.3, 0.5) * pitch.min()),
        angle=np.full(count, angle),
        form=np.full(count, rng.integers(0, FORMS)),
        kin=np.zeros(count, int),
    )


def _joined(below: Leaves, above: Leaves) -> Leaves:
    """Concatenates two sets of leaves. The kinds of `above` are numbered after those of `below`."""
    return Leaves(
        centres=np.concatenate([below.centres, above.centres]),
        radius=np.concatenate([below.radius, above.radius]),
        angle=np.concatenate([below.angle, above.angle]),
        form=np.concatenate([below.form, above.form]),
        kin=np.concatenate([below.kin, above.kin + below.kin.max() + 1]),
    )


def _forms(rng: np.random.Generator) -> list[np.ndarray]:
    """Draws FORMS outlines with a radius of about 1."""
    odds = rng.dirichlet(np.full(5, 0.7))
    forms = []
    for kind in rng.choice(5, FORMS, p=odds):
        ratio = np.exp(rng.normal(0, 0.6))
        a, b = np.sqrt(ratio), np.sqrt(1 / ratio)
        if kind == 0:
            forms.append(ellipse(a, b, corners=16))
        elif kind == 1:
            forms.append(box(a, b, rounding=rng.uniform(0, 0.5) * b))
        elif kind == 2:
            forms.append(wedge(a, b, taper=rng.uniform(0, 1)))
        elif kind == 3:
            forms.append(box(2.0, np.exp(rng.uniform(np.log(0.06), np.log(0.4)))))
        else:
            forms.append(blob(rng, a, b, roughness=rng.uniform(0.1, 0.4)))
    return forms


def _draw_planes(rng: np.random.Generator, draw: ImageDraw.ImageDraw, side: int) -> int:
    """Draws up to three half planes behind the leaves (floor, wall, sky). Returns their number."""
    planes = int(rng.choice([0, 1, 2, 3], p=[0.25, 0.35, 0.25, 0.15]))
    for index in range(planes):
        edge = box(2.0, 2.0) + point(0.0, 2.0)
        corners = turned(edge, rng.normal(0, 0.4) + rng.choice([0.0, 0.0, np.pi / 2, -np.pi / 2]))
        corners = (corners + point(0.5, rng.uniform(0.25, 0.85))) * side
        draw.polygon(corners.ravel().tolist(), fill=index + 1)
    return planes


def _surfaces(rng: np.random.Generator, labels: np.ndarray, fallen: Leaves, planes: int) -> np.ndarray:
    """Colour (3, h, w) of every pixel from its label: tone, texture, gradient and roundness. The first `planes` labels
    are planes, the others leaves."""
    side, kinds = len(labels), planes + int(fallen.kin.max()) + 1
    kin = np.concatenate([np.arange(planes), planes + fallen.kin])
    palette = draw_palette(rng, int(rng.integers(3, 10)))
    tone = palette[rng.integers(0, len(palette), kinds)] * np.exp(rng.normal(0, 0.12, (kinds, 1)))
    depth = rng.uniform(0.03, 0.14) * rng.exponential(1, kinds) * (rng.random(kinds) < 0.9)
    # The grain does not depend on the leaf: a texture repeats every 0.5 to 2 sides of the picture.
    scale = SIDE / side * np.exp(rng.uniform(np.log(0.5), np.log(2.0), kinds))
    first = (rng.integers(0, NUMBERS, kinds) * SIDE).astype(np.int32)
    slope, bulge = rng.normal(0, rng.uniform(0, 0.5), (kinds, 2)), rng.uniform(0, 0.5) * rng.random(kinds)
    offset = rng.integers(0, SIDE, (len(kin), 2)) + FAR
    centre = np.concatenate([np.full((planes, 2), 0.5), fallen.centres])
    reach = np.concatenate([np.ones(planes), np.maximum(fallen.radius, 0.05)]) * side
    turn = np.concatenate([np.zeros(planes), fallen.angle])
    slope, bulge = slope[kin] / reach[:, None], bulge[kin] / reach**2 * (np.arange(len(kin)) >= planes)
    columns = [*centre.T, np.cos(turn) * side, np.sin(turn) * side, scale[kin], *offset.T, *slope.T, bulge, depth[kin]]
    cx, cy, c, s, scale, ox, oy, gx, gy, bulge, depth = np.array(columns, np.float32).take(labels, axis=1)
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    dx, dy = axis - cx, axis[:, None] - cy
    x, y = c * dx + s * dy, c * dy - s * dx
    row = ((y * scale + oy).astype(np.int32) & (SIDE - 1)) + first[kin].take(labels)
    texel = row * SIDE + ((x * scale + ox).astype(np.int32) & (SIDE - 1))
    texels = atlas().take(texel, axis=1).astype(np.float32) * np.float32(STEP) - 3
    shade = np.clip(1 + gx * x + gy * y - bulge * (x * x + y * y), 0.2, 1.8)
    return (tone[kin].T.astype(np.float32).take(labels, axis=1) + depth * texels) * shade


def _cast_shadow(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Shadow factor (h, w): darker near leaves that lie higher, in the direction of the light."""
    side = len(labels)
    height = labels.astype(np.float32) / max(int(labels.max()), 1)
    reach = rng.uniform(0.01, 0.05)
    blurred = Image.fromarray((255 * height).astype(np.uint8)).filter(ImageFilter.BoxBlur(reach * side))
    moved = np.roll(np.asarray(blurred, np.float32) / 255, np.round(rng.normal(0, reach, 2) * side).astype(int), (0, 1))
    return 1 - rng.uniform(0.2, 0.7) * np.clip(2 * (moved - height), 0, 1)


def _reduced(values: np.ndarray) -> np.ndarray:
    """Mean over 2 x 2 oversampled pixels, (..., h, w)."""
    rows = values[..., 0::2, :] + values[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]) / np.float32(OVERSAMPLING**2)
