"""Settings that do not fit together: one line that names them, exit code 2, and nothing on the disk."""

import pytest
import torch
from tiny_runs import command

from cmmd.cli import main
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import build_network

CONTRAST = "contrastive.weight=0.1"
OTHER_CLIPS = "contrastive.mismatches=[other_clip]"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("network.heads=7",), "network: video_widths holds 16, expected a multiple of 8 (groups) and 7 (heads)"),
        (("network.attention_levels=[5]",), "network: attention_levels are (5,), expected levels 0 to 2"),
        (("network.patch=3",), "network: patch 3 gives 8/3 spectrogram steps a video frame, expected a whole rate"),
        (("network.patch=32",), "mels 64 is not a multiple of 128 (patch 32, 3 levels)"),
        (("network.video_widths=[16,32]",), "video_widths (16, 32) and audio_widths (32, 48, 64) differ in number"),
        (("network.audio_widths=[32,44,64]",), "network: audio_widths holds 44, expected a multiple of 8 (groups)"),
        (("network.blocks_per_level=0",), "network: blocks_per_level is 0, expected 1 to"),
        (
            ("network.fusion=hard",),
            "network.fusion: Input should be 'easy', 'random_shift', 'attention' or 'none'",
        ),
        (("geometry.frames=15",), "spectrogram frames 120 is not a multiple of 16 (patch 4, 3 levels)"),
        (("geometry.frames=26",), "data.frames is 24, expected at least the 26 of the geometry"),
        (("geometry.mels=60",), "mels 60 is not a multiple of 16 (patch 4, 3 levels)"),
        (("geometry.image_size=60",), "geometry: image_size 60 is not a multiple of 8"),
        (("geometry.image_size=128",), "fps, image_size, sample_rate are (10, 128, 16000), the world has (10, 64"),
        (("geometry.fps=20",), "fps, image_size, sample_rate are (20, 64, 16000), the world has (10, 64, 16000)"),
        (("data.frames=8",), "data.frames is 8, expected at least the 16 of the geometry"),
        (("loop.batch_size=9", "loop.micro_batches=2"), "batch_size 9 is not a multiple of micro_batches 2"),
        (
            ("loop.batch_size=6", "loop.micro_batches=2", CONTRAST, OTHER_CLIPS),
            "micro-batches of 3 items, expected an even number",
        ),
        (("geometry.frames=2", CONTRAST), "a clip of 2 frames, 16 blocks, cannot be shifted by 2 frames"),
        (("held_out=0.99",), "held_out is 0.99, 48 of 48 clips, expected some, and not all"),
        (("held_out=0.01",), "held_out is 0.01, 0 of 48 clips, expected some, and not all"),
        (("held_out=1.0",), "held_out is 1.0, expected a share of at least 0 and less than 1"),
        (("copies=2",), "copies is 2 with held_out 0.0, expected conditions held out"),
        (("conditioning.joint=0.5",), "video_to_audio, audio_to_video and joint sum to 1.2, expected 1"),
        (("data.levels=[-9,-3]",), "levels are -9 and -3, expected both above -4.200"),
        (("data.seed=-1",), "data: seed is -1, expected 0 or more, and less than 2^31"),
        (
            ("data.families=[hits,dance]", "data.clips=4", "sound_only=[hits]", "held_out=0.125"),
            "held_out is 0.125 with sound_only, expected a clip of every family on each side",
        ),
        (("start_share=0.5",), "start_share is 0.5 with start None, expected 0 to 1, and 0 without a start"),
        (("start_share=1.5", "start=shipped"), "start_share is 1.5 with start shipped, expected 0 to 1"),
        (("sound_only=[hits]",), "sound_only is ['hits'], expected some of data.families, ['impacts', 'dance'], and"),
        (
            ("sound_only=[impacts,dance]",),
            "sound_only is ['impacts', 'dance'], expected some of data.families, ['impacts', 'dance'], and not all",
        ),
        (("data.families=[]",), "data: families is [], expected one or more of impacts, dance"),
        (
            ("loop.seed=18446744073709551616",),
            "loop: seed is 18446744073709551616, expected at most 9223372036854775807",
        ),
        (("loop.batch_size=100000000000",), "loop: batch_size is 100000000000, expected at most 1048576"),
        (("loop.trackers=[wandb,wandb]",), "loop: trackers are ['wandb', 'wandb'], expected each once"),
        (("network.message_width=100000000000",), "message_width is 100000000000, expected 1 to 65536"),
        (("network.blocks_per_level=100000",), "blocks_per_level is 100000, expected 1 to 64"),
        (("network.attention_levels=[0,0]",), "attention_levels are (0, 0), expected levels 0 to 2, each once"),
        (("geometry.mels=100000",), "mels is 100000, expected a whole number from 1 to 4096"),
        (("prepared.folders=[a,b]", "prepared.weights=[.nan,1]"), "weights are [nan, 1.0] for 2 folders"),
        (("held_out=0.03", OTHER_CLIPS), "1 clip is held out, expected 2 or more"),
        (("contrastive.temperature=.inf", CONTRAST), "temperature is inf, expected a finite number above 0"),
        # What would take memory or time without end.
        (
            ("data.clips=1000000000",),
            "data: clips is 1000000000 for each of 2 families and frames 24, expected 16777216",
        ),
        (("data.frames=100000000",), "frames 100000000, expected 16777216 frames in all at most"),
        (("loop.steps=1000000000000",), "loop: steps is 1000000000000, expected at most 1000000000"),
        ((f"loop.warmup={10**60}",), "expected at most 1000000000"),
        (("loop.batch_size=1048576",), "takes 69 GB for one tensor, expected 50 at most"),
        (("network.video_widths=[65536,65536,65536]",), "blocks_per_level 1 take 11596 GB in training, expected 400"),
        (("contrastive.count=1000000000",), "contrastive: count is 1000000000, expected a whole number from 1 to 4096"),
        ((f"contrastive.ramp={10**60}",), "expected a number from 0 to 1000000000"),
        (("held_out=0.5", "copies=1000000000"), "copies is 1000000000, expected 10000 at most"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, tuple) else None,
)
def test_settings_that_do_not_fit_are_one_line_and_write_nothing(tmp_path, capsys, settings, message):
    assert main(command("world.tiny", *settings, out=tmp_path / "run", tiny=False)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cmmd: --set ") and err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "setting", "message"),
    [
        (
            "world.visual_events",
            "data.clips=500000",
            "data.clips=500000: clips is 500000 and frames 16: 197 GB of pixels",
        ),
        ("world.visual_events", "width=1000000", "width is 1000000, expected 1 to 4096"),
        ("world.events", "data.clips=20000", "clips is 20000 and frames 48: 83 GB of pixels, expected 32 GB"),
        ("world.autoencoder", "data.clips=400000", "clips is 400000 and frames 16: 39 GB of pixels, expected 32 GB"),
    ],
)
def test_more_pixels_than_fit_into_memory_are_refused(tmp_path, capsys, recipe, setting, message):
    assert main(command(recipe, setting, out=tmp_path / "run", tiny=False)) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", ["world.cmmd", "aist.cmmd"])
def test_a_network_has_more_weights_than_its_bound(recipe):
    config = load_recipe(recipe)
    with torch.device("meta"):
        network = build_network(config, latent_channels=4, spectrogram_channels=1, bins=config.geometry.mels)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert weights / 5 < config.network.weights_at_least < weights


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        # Gaps are measured on held-out clips whatever the weight of the term is.
        (("held_out=0.25", "geometry.frames=2"), "a clip of 2 frames, 2 blocks, cannot be shifted by 2 frames"),
        # The other codec has bins of its own.
        (("codec=complex_stft", "geometry.frames=24", "network.patch=24"), "mels 256 is not a multiple of 96"),
    ],
    ids=["short held-out clips", "bins of the codec"],
)
def test_what_would_fail_after_the_clips_are_made_is_refused_before(tmp_path, capsys, settings, message):
    test_settings_that_do_not_fit_are_one_line_and_write_nothing(tmp_path, capsys, settings, message)
