"""Orders: every value of a browser is checked, a random seed is drawn, and what is wrong is one line."""

from pathlib import Path

import pytest

from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.serve.limits import Limits
from cmmd.serve.order import SEEDS, read_order

LIMITS = Limits(seconds=10, steps=50, takes=4)
VALUES = {"source": "clip.mp4", "takes": 2, "steps": 9, "guidance": "", "seed": 7}


def test_a_tab_becomes_an_order():
    order = read_order("sound", VALUES, LIMITS)
    assert (order.target, order.source, order.keep, order.seconds) == ("audio", Path("clip.mp4"), (), None)
    assert (order.seed, order.takes, order.sampling) == (7, 2, SamplingConfig(steps=9))
    assert read_order("video", VALUES, LIMITS).target == "video"
    assert order.total_steps == 18


def test_joint_generation_has_a_length_and_no_source():
    order = read_order("both", VALUES | {"seconds": 3.2}, LIMITS)
    assert (order.target, order.source, order.seconds) == ("both", None, 3.2)


def test_a_stretch_is_kept_and_only_a_result_of_both_has_a_length():
    given = VALUES | {"start": "0", "end": 0.8, "seconds": "4"}
    both = read_order("keep", given | {"target": "both"}, LIMITS)
    assert (both.keep, both.seconds) == (((0.0, 0.8),), 4.0)
    assert read_order("keep", given | {"target": "audio"}, LIMITS).seconds is None
    assert read_order("keep", given | {"target": "both", "seconds": " "}, LIMITS).seconds is None


def test_a_guidance_is_given_as_text_or_number():
    for value in ("1.5", 1.5, " 1.5 "):
        assert read_order("sound", VALUES | {"guidance": value}, LIMITS).sampling.guidance == 1.5
    assert read_order("sound", VALUES | {"guidance": 0}, LIMITS).sampling.guidance == 0
    assert read_order("sound", VALUES | {"guidance": None}, LIMITS).sampling.guidance is None


def test_a_temperature_is_that_of_the_model_unless_it_is_given():
    assert read_order("sound", VALUES | {"temperature": "0.5"}, LIMITS).sampling.temperature == 0.5
    for empty in ({}, {"temperature": " "}, {"temperature": None}):
        assert read_order("sound", VALUES | empty, LIMITS).sampling.temperature is None


def test_minus_one_draws_a_seed_that_leaves_room_for_all_takes():
    seeds = {read_order("sound", VALUES | {"seed": -1}, LIMITS).seed for _ in range(20)}
    assert len(seeds) > 15 and all(0 <= seed <= SEEDS - 2 for seed in seeds)


@pytest.mark.parametrize(
    ("task", "change", "told"),
    [
        ("sound", {"source": None}, "the upload: found no file, expected a video"),
        ("video", {"source": ""}, "the upload: found no file, expected a sound"),
        ("keep", {"source": None}, "the upload: found no file, expected a video with sound"),
        ("sound", {"steps": 51}, "steps: found 51, expected a number from 1 to 50"),
        ("sound", {"steps": 2.5}, "steps: found 2.5, expected a whole number"),
        ("sound", {"steps": True}, "steps: found True"),
        ("sound", {"takes": 5}, "takes: found 5, expected a number from 1 to 4"),
        ("sound", {"takes": None}, "takes: found None"),
        ("sound", {"seed": -2}, "seed: found -2"),
        ("sound", {"seed": SEEDS}, "seed: found"),
        ("sound", {"seed": [1]}, "seed: found"),
        ("sound", {"guidance": "much"}, "guidance: found 'much', expected a number from 0 to 100"),
        ("sound", {"temperature": "hot"}, "temperature: found 'hot', expected a number from 0 to 10"),
        ("sound", {"guidance": "nan"}, "guidance: found nan"),
        ("sound", {"guidance": "inf"}, "guidance: found inf"),
        ("both", {"seconds": 11}, "seconds: found 11, expected a number from 0.1 to 10"),
        ("keep", {"target": "both", "start": None, "end": 1}, "start: found None, expected a number of at least 0"),
        ("keep", {"target": "all", "start": 0, "end": 1}, "what to generate: found 'all'"),
    ],
)
def test_a_bad_value_is_one_line(task, change, told):
    with pytest.raises(InputError) as raised:
        read_order(task, VALUES | change, LIMITS)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_joint_generation_from_nothing_needs_a_length():
    with pytest.raises(InputError, match="seconds: found None"):
        read_order("both", VALUES | {"seconds": None}, LIMITS)


@pytest.mark.parametrize("name", ["upload_megabytes", "seconds", "steps", "takes", "retained"])
def test_limits_are_above_zero(name):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        Limits(**{name: 0})
