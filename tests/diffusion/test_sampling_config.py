"""Settings of sampling: what they refuse, and the guidance of each direction."""

import pytest

from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.sampling_config import SamplingConfig, UsualGuidance, UsualTemperature


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "steps is 0, expected a whole number from 1 to 1000"),
        ("steps", 1001, "steps is 1001"),
        ("steps", 2.5, "steps is 2.5"),
        ("guidance", float("nan"), "guidance is nan, expected a finite number"),
        ("guided_above", "high", "guided_above is 'high', expected a time from 0 to 1"),
        ("guided_above", -0.1, "guided_above is -0.1, expected a time from 0 to 1"),
        ("guided_above", float("nan"), "guided_above is nan, expected a time from 0 to 1"),
        ("temperature", "warm", "temperature is 'warm', expected a number from 0 to 10"),
        ("temperature", -0.1, "temperature is -0.1, expected a number from 0 to 10"),
        ("temperature", float("nan"), "temperature is nan, expected a number from 0 to 10"),
        ("contrast", float("inf"), "contrast is inf, expected a finite number"),
        ("gradient", float("nan"), "gradient is nan, expected a finite number"),
        ("gradient", 101, "gradient is 101, expected a finite number of at most 100"),
        ("sampler", "euler", "sampler is 'euler', expected one of ddim, dpm"),
    ],
)
def test_values_that_cannot_be_sampled_with_are_refused(name, value, message):
    config = SamplingConfig()
    object.__setattr__(config, name, value)  # past the annotations that tests check and users do not
    with pytest.raises(ValueError, match=message):
        config.__post_init__()


def test_the_check_is_part_of_making_one():
    with pytest.raises(ValueError, match="steps is 0"):
        SamplingConfig(steps=0)


def test_a_guidance_that_is_given_holds_in_every_direction():
    usual = UsualGuidance(video_to_audio=1.5, audio_to_video=2.5, joint=3.5)
    assert [SamplingConfig(guidance=2).guidance_for(direction, usual) for direction in DIRECTIONS] == [2.0] * 3
    assert [SamplingConfig().guidance_for(direction, usual) for direction in DIRECTIONS] == [1.5, 2.5, 3.5]
    assert [SamplingConfig().guidance_for(direction) for direction in DIRECTIONS] == [1.0, 4.5, 3.0]


def test_only_sound_for_video_has_a_usual_time_below_which_nothing_guides():
    usual = UsualGuidance(sound_above=0.6)
    assert [SamplingConfig().guided_above_for(direction, usual) for direction in DIRECTIONS] == [0.6, 0, 0]
    assert [SamplingConfig(guided_above=0.2).guided_above_for(d, usual) for d in DIRECTIONS] == [0.2] * 3
    assert [SamplingConfig().guided_above_for(direction) for direction in DIRECTIONS] == [0, 0, 0]


def test_a_temperature_that_is_given_holds_in_every_direction():
    usual = UsualTemperature(video_to_audio=0.5, audio_to_video=0.75, joint=0.25)
    assert [SamplingConfig().temperature_for(direction, usual) for direction in DIRECTIONS] == [0.5, 0.75, 0.25]
    assert [SamplingConfig(temperature=0).temperature_for(d, usual) for d in DIRECTIONS] == [0] * 3
    assert [SamplingConfig().temperature_for(direction) for direction in DIRECTIONS] == [1, 1, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (0, "temperature 0 instead of numbers for video_to_audio, audio_to_video, joint"),
        ([], r"temperature \[\] instead of numbers for video_to_audio"),
        ({"speed": 1}, "temperature {'speed': 1} instead of numbers for video_to_audio"),
        ({"joint": None}, r"temperature\.joint None instead of a number"),
        ({"joint": True}, r"temperature\.joint True instead of a number"),
        ({"joint": 11}, "joint: temperature is 11, expected a number from 0 to 10"),
    ],
)
def test_an_entry_of_a_model_folder_has_numbers_by_direction(values, message):
    with pytest.raises(ValueError, match=message):
        UsualTemperature.of_values("temperature", values)


def test_a_model_folder_may_have_some_values_or_none():
    assert (
        UsualTemperature.of_values("temperature", None)
        == UsualTemperature.of_values("temperature", {})
        == UsualTemperature()
    )
    assert UsualTemperature.of_values("temperature", {"joint": 0.5}) == UsualTemperature(joint=0.5)
    with pytest.raises(ValueError, match=r"guidance\.joint None instead of a number"):
        UsualGuidance.of_values("guidance", {"joint": None})


def test_a_usual_guidance_is_one_that_can_be_sampled_with():
    with pytest.raises(ValueError, match=r"guidance is 101\.0, expected a finite number of at most 100"):
        UsualGuidance(joint=101.0)
    with pytest.raises(ValueError, match=r"guided_above is 1\.5, expected a time from 0 to 1"):
        UsualGuidance(sound_above=1.5)
    with pytest.raises(ValueError, match=r"temperature is 11\.0, expected a number from 0 to 10"):
        UsualTemperature(joint=11.0)
