"""`cmmd evaluate`: what its arguments mean, and its exit codes."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_record import made_record

from cmmd.commands.evaluate import evaluate
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.engines.placement import Placement
from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips, GivenClips
from cmmd.evaluation.samples.true_clips import WORLD_SEED, WorldSet


@pytest.fixture
def asked(monkeypatch) -> list[EvaluateOptions]:
    """What the work is asked for; it finds one failed clip for the system `broken`."""
    calls = []

    def fake(options: EvaluateOptions):
        calls.append(options)
        record = made_record()
        broken = isinstance(options.clips, GivenClips) and "broken" in options.clips.systems
        return record if broken else replace(record, failures=())

    monkeypatch.setattr(import_module("cmmd.evaluation.evaluate"), "evaluate", fake)
    return calls


def run(*words: str) -> Result:
    return CliRunner().invoke(evaluate, [*words, "--out", "o"], standalone_mode=False)


def test_two_folders_are_generated_and_reference(asked):
    assert run("some/made", "real").return_value == 0
    given = GivenClips(systems={"made": Path("some/made")}, reference=Path("real"))
    assert asked == [EvaluateOptions(clips=given, out=Path("o"))]


def test_systems_stand_side_by_side_and_failed_clips_are_exit_code_1(asked):
    assert run("real", "--system", "ours=a", "--system", "broken=b", "--backbone", "YAMNet=y.pt").return_value == 1
    given = GivenClips(systems={"ours": Path("a"), "broken": Path("b")}, reference=Path("real"))
    assert asked == [EvaluateOptions(clips=given, backbones=("YAMNet=y.pt",), out=Path("o"))]


def test_data_alone_takes_the_shipped_model_and_the_papers_samples(asked):
    assert run("--data", "real").return_value == 0
    assert asked == [EvaluateOptions(clips=GeneratedClips(data="real", samples=50, seed=0), out=Path("o"))]


def test_every_option_of_generation_is_passed(asked):
    line = ("--model", "m", "--data", "d", "--direction", "audio_to_video", "--samples", "7", "--seed", "3")
    line += (
        "--steps",
        "9",
        "--guidance",
        "2",
        "--temperature",
        "0.5",
        "--contrast",
        "1",
        "--gradient",
        "4",
        "--sampler",
        "ddpm",
    )
    line += ("--dtype", "bfloat16", "--device", "cuda", "--workers", "2", "--training", "t", "--cache", "c")
    assert run(*line).exit_code == 0
    sampling = SamplingConfig(steps=9, guidance=2.0, temperature=0.5, contrast=1.0, gradient=4.0, sampler="ddpm")
    assert asked == [
        EvaluateOptions(
            clips=GeneratedClips(model="m", data="d", samples=7, seed=3, sampling=sampling, dtype="bfloat16"),
            direction="audio_to_video",
            workers=2,
            training=Path("t"),
            cache=Path("c"),
            out=Path("o"),
            placement=Placement(device="cuda"),
        )
    ]


def test_world_clips_are_chosen_by_family_split_and_number_far_from_the_training_seeds(asked):
    assert run("m", "--data", "world", "--family", "hits", "--split", "hard", "--clips", "7").return_value == 0
    clips = asked[0].clips
    assert isinstance(clips, GeneratedClips) and clips.model == "m"
    assert clips.world == WorldSet(family="hits", split="hard", clips=7, seed=WORLD_SEED)


def test_joint_generation_is_asked_for(asked):
    for direction in ("both", "all", "joint"):
        assert run("--data", "world", "--direction", direction).return_value == 0
    both = ("video_to_audio", "audio_to_video")
    assert [one.directions for one in asked] == [both, both, ()]
    assert [one.all_directions for one in asked] == [both, (*both, "joint"), ("joint",)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected GENERATED and REFERENCE"),
        (("only",), "found 1 places of clips"),
        (("a", "b", "--data", "world"), "leave out GENERATED"),
        (("--model", "m"), "--model generates from --data"),
        (("a", "b", "--engine", "ray"), "--engine ray generates from --data"),
        (("real", "--system", "ours"), "expected NAME=CLIPS"),
        (("a", "b", "--direction", "joint"), "are of --data world"),
        (("--data", "real", "--family", "hits"), "are of --data world"),
        (("--data", "real", "--split", "hard"), "are of --data world"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(asked, words, message):
    outcome = CliRunner().invoke(evaluate, [*words, "--out", "o"])
    assert outcome.exit_code == 2 and message in outcome.output and not asked
