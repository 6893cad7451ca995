"""A scene: a backdrop, people and objects, one act, and silent distractions (ours: decision 12)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cmmd.data.pictures.outlines import box
from cmmd.data.world.difficulty import Difficulty
from cmmd.data.world.hits.backdrops import View, paint_backdrop
from cmmd.data.world.hits.bouncing import bounce
from cmmd.data.world.hits.clapping import clap
from cmmd.data.world.hits.falling import fall
from cmmd.data.world.hits.materials import EARTH, GLASS, METAL, PLASTIC, WOOD, Material, draw_look
from cmmd.data.world.hits.moving import any_look, distract, strike_air
from cmmd.data.world.hits.people import onlooker
from cmmd.data.world.hits.playing import play
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.slamming import slam
from cmmd.data.world.hits.sprites import UNITS, Patch, Sprite, bake
from cmmd.data.world.hits.stage import Stage
from cmmd.data.world.hits.typing_hands import type_keys
from cmmd.data.world.hits.walking import walk

Act = Callable[[np.random.Generator, Setting], list[Sounding]]
ACTS: dict[Act, float] = {play: 0.6, bounce: 0.08, walk: 0.1, fall: 0.08, type_keys: 0.08, clap: 0.06}
"""Probability of each act. `slam` occurs only in the unseen split."""
GROUNDS = (WOOD, WOOD, METAL, PLASTIC, EARTH, EARTH, GLASS)
LEAD = 1.6
"""Seconds of contacts before and after the clip, so that the clip shows ongoing activity."""
NOTHING = 0.08
"""Fraction of scenes in which nothing sounds."""
FINER = 1.25
"""Pixels of sprites and backdrops per pixel of the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """stage, backdrop: what is painted. soundings: what is heard."""

    stage: Stage
    backdrop: Sprite
    soundings: list[Sounding]


def draw_scene(rng: np.random.Generator, t: np.ndarray, *, seconds: float, size: int, difficulty: Difficulty) -> Scene:
    """Draws a scene at the times t (n,) (s). The random draws depend neither on the times nor on the size."""
    ground = GROUNDS[rng.integers(len(GROUNDS))]
    setting = Setting(
        stage=Stage(t=t),
        start=-LEAD,
        stop=seconds + LEAD,
        edges=(0.0, seconds),
        view=_draw_view(rng, ground),
        ground=ground,
        scale=float(np.clip(np.exp(rng.normal(np.log(1.2), 0.45)), 0.5, 3.0)),
        density=FINER * size / UNITS,
        light=-np.pi / 2 + rng.normal(0, 0.7),
        reach=difficulty.reach,
    )
    backdrop = paint_backdrop(rng.spawn(1)[0], setting.view, scale=setting.scale, **setting.drawn)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1]))):
        onlooker(rng, setting.stage, setting.person(rng, scale=setting.scale * rng.uniform(0.5, 1.5)))
    _distractions(rng, setting, [0.55, 0.25, 0.15, 0.05])
    soundings = _act(rng, difficulty)(rng, setting)
    if rng.random() < NOTHING:
        soundings = []
        setting.stage.actors.clear()
        _distractions(rng, setting, [0.2, 0.3, 0.3, 0.2])
    for _ in range(difficulty.decoys + int(rng.random() < (0.1 if soundings else 0.6))):
        strike_air(rng, setting)
    _distractions(rng, setting, [0.8, 0.15, 0.05])
    _bars(rng, setting, difficulty.occluders)
    return Scene(stage=setting.stage, backdrop=backdrop, soundings=soundings)


def _draw_view(rng: np.random.Generator, ground: Material) -> View:
    """Draws a view from the side or, in a third of the scenes, from above. Colours are muted, because large surfaces
    are mostly dull."""
    above = rng.random() < 0.35
    look = draw_look(rng, ground)
    grey = look.colour.mean()
    return View(
        horizon=-float(np.exp(rng.uniform(np.log(5), np.log(300)))) if above else rng.uniform(4, 50),
        look=replace(
            look,
            colour=grey + rng.uniform(0.4, 1.0) * (look.colour - grey),
            grain=float(np.exp(rng.uniform(np.log(0.7), np.log(4.5)))),
        ),
        tilt=rng.normal(0, 0.12),
        wall=rng.random() < 0.5,
    )


def _act(rng: np.random.Generator, difficulty: Difficulty) -> Act:
    if difficulty.unseen:
        return slam
    return list(ACTS)[rng.choice(len(ACTS), p=list(ACTS.values()))]


def _distractions(rng: np.random.Generator, setting: Setting, odds: list[float]) -> None:
    """Adds distractions. odds: probabilities of none, one, two, ..."""
    for _ in range(int(rng.choice(len(odds), p=odds))):
        distract(rng, setting)


def _bars(rng: np.random.Generator, setting: Setting, count: int) -> None:
    """Adds upright bars in front of everything."""
    for _ in range(count):
        bar = bake([Patch(box(rng.uniform(1.5, 4.0), 1.5 * UNITS), any_look(rng))], **setting.drawn)
        setting.stage.add(bar, np.array([rng.uniform(4, 60), UNITS / 2]))
