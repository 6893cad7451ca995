"""The settings of a network: each wrong one is named with its value; sizes and rates by hand."""

import subprocess
from dataclasses import asdict
from fractions import Fraction

import pytest

from cmmd.models.network_config import NetworkConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attention_levels": (5,)}, "attention_levels are (5,), expected levels 0 to 2"),
        ({"attention_levels": (0, -1)}, "attention_levels are (0, -1), expected levels 0 to 2"),
        ({"heads": 0}, "heads is 0, expected 1 to"),
        ({"heads": 7}, "video_widths holds 32, expected a multiple of 8 (groups) and 7 (heads)"),
        ({"patch": 0}, "patch is 0, expected 1 to"),
        ({"patch": 3}, "patch 3 gives 8/3 spectrogram steps a video frame, expected a whole rate"),
        ({"patch": 12}, "patch 12 gives 2/3 spectrogram steps a video frame, expected a whole rate"),
        ({"blocks_per_level": 0}, "blocks_per_level is 0, expected 1 to"),
        ({"message_width": -1}, "message_width is -1, expected 1 to"),
        ({"video_widths": (32, 64)}, "video_widths (32, 64) and audio_widths (64, 96, 128) differ in number of levels"),
        ({"video_widths": (), "audio_widths": ()}, "video_widths () and audio_widths ()"),
        ({"video_widths": (32, 60, 96)}, "video_widths holds 60, expected a multiple of 8 (groups) and 4 (heads)"),
        ({"audio_widths": (64, 96, 0)}, "audio_widths holds 0, expected a multiple of 8"),
        ({"audio_widths": (64, 96, -8)}, "audio_widths holds -8, expected a multiple of 8"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(values, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is the claim
        NetworkConfig.of(values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["clean_hears", "shared_time"])
def test_a_switch_is_true_or_false(name):
    config = NetworkConfig()
    object.__setattr__(config, name, "no")  # past the annotations that tests check and users do not
    with pytest.raises(ValueError, match=f"{name} is 'no', expected true or false"):
        config.__post_init__()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fusion", "fusion is 'odd', expected one of easy, random_shift, attention, none"),
        ("message_reduction", "message_reduction is 'odd', expected one of positions, low_rank, mean"),
    ],
)
def test_names_of_no_kind_are_told(name, message, preloaded):
    """In a process of its own: here every annotation is checked, and the name would not come that far."""
    code = f"from cmmd.models.network_config import NetworkConfig; NetworkConfig.of({{{name!r}: 'odd'}})"
    process = subprocess.run(
        [preloaded / "python", "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert process.stderr.splitlines()[-1] == f"ValueError: {message}"


def test_settings_come_back_from_the_plain_values_of_a_model_folder():
    config = NetworkConfig(video_widths=(8, 16), audio_widths=(16, 8), attention_levels=(), heads=2, patch=2)
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    assert NetworkConfig.of(plain) == config
    assert NetworkConfig.of(None) == NetworkConfig.of({}) == NetworkConfig()
    assert NetworkConfig.of(config) is config


def test_time_rates_and_blocks():
    config = NetworkConfig()  # patch 4, three levels
    assert [config.time_rate("audio", level) for level in range(3)] == [2, 1, Fraction(1, 2)]
    assert [config.time_rate("video", level) for level in range(3)] == [1, 1, 1]
    assert (config.time_blocks("audio", 16), config.time_blocks("video", 16)) == (8, 16)
    fine = NetworkConfig(patch=1)
    assert [fine.time_rate("audio", level) for level in range(3)] == [8, 4, 2]
    assert fine.time_blocks("audio", 6) == 6  # at most one a video frame


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ({"frames": 15}, "spectrogram frames 120 is not a multiple of 16 (patch 4, 3 levels)"),
        ({"frames": 0}, "spectrogram frames 0 is not a multiple of 16"),
        ({"latent_size": 6}, "latent height 6 is not a multiple of 4"),
        ({"latent_size": (8, 6)}, "latent width 6 is not a multiple of 4"),
        ({"latent_size": (2, 8)}, "latent height 2 is not a multiple of 4"),
        ({"mels": 60}, "mels 60 is not a multiple of 16 (patch 4, 3 levels)"),
    ],
)
def test_sizes_that_do_not_halve_to_the_coarsest_level_are_named(clip, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is the claim
        NetworkConfig().check_clip(**clip)
    assert str(caught.value).startswith(message)


def test_sizes_that_do_are_taken():
    NetworkConfig().check_clip(frames=2, latent_size=(4, 8), mels=16)
    NetworkConfig(patch=1, video_widths=(8,), audio_widths=(8,), attention_levels=()).check_clip(
        frames=1, latent_size=1, mels=1
    )
