"""`cmmd evaluate`: what its arguments mean, and its exit codes."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_record import made_record

from cmmd.commands.evaluate import evaluate
from cmmd.engines.placement import Placement
from cmmd.evaluation.evaluate_options import EvaluateOptions


@pytest.fixture
def asked(monkeypatch) -> list[EvaluateOptions]:
    """What the work is asked for; it finds one failed clip for the system `broken`."""
    calls = []

    def fake(options: EvaluateOptions):
        calls.append(options)
        record = made_record()
        return record if "broken" in options.systems else replace(record, failures=())

    monkeypatch.setattr(import_module("cmmd.evaluation.evaluate"), "evaluate", fake)
    return calls


def run(*words: str) -> Result:
    return CliRunner().invoke(evaluate, [*words, "--out", "o"], standalone_mode=False)


def test_two_folders_are_generated_and_reference(asked):
    assert run("some/made", "real").return_value == 0
    assert asked == [EvaluateOptions(systems={"made": Path("some/made")}, reference=Path("real"), out=Path("o"))]


def test_systems_stand_side_by_side_and_failed_clips_are_exit_code_1(asked):
    assert run("real", "--system", "ours=a", "--system", "broken=b", "--backbone", "YAMNet=y.pt").return_value == 1
    assert asked[0].systems == {"ours": Path("a"), "broken": Path("b")} and asked[0].backbones == ("YAMNet=y.pt",)


def test_data_alone_takes_the_shipped_model_and_the_papers_samples(asked):
    assert run("--data", "world").return_value == 0
    options = asked[0]
    assert (options.data, options.model, options.samples, options.direction) == ("world", None, 50, "both")
    line = ("--model", "m", "--data", "d", "--direction", "audio_to_video", "--samples", "7", "--seed", "3")
    assert (
        run(*line, "--steps", "9", "--device", "cuda", "--workers", "2", "--training", "t", "--cache", "c").exit_code
        == 0
    )
    assert asked[1] == EvaluateOptions(
        model="m",
        data="d",
        direction="audio_to_video",
        samples=7,
        seed=3,
        steps=9,
        device="cuda",
        workers=2,
        training=Path("t"),
        cache=Path("c"),
        out=Path("o"),
        placement=Placement(device="cuda"),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected GENERATED and REFERENCE"),
        (("only",), "found 1 places of clips"),
        (("a", "b", "--data", "world"), "leave out GENERATED"),
        (("--model", "m"), "--model generates from --data"),
        (("a", "b", "--engine", "ray"), "--engine ray generates from --data"),
        (("real", "--system", "ours"), "expected NAME=CLIPS"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(asked, words, message):
    outcome = CliRunner().invoke(evaluate, [*words, "--out", "o"])
    assert outcome.exit_code == 2 and message in outcome.output and not asked
