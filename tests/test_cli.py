"""The command line: fast help without torch, complete options, one line and exit code 2 for bad input."""

import errno
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cmmd import __version__
from cmmd.cli import commands, main
from cmmd.errors import InputError
from cmmd.files.configuration import resolve, to_yaml
from cmmd.recipes import load_recipe, recipe_names


def replaced(monkeypatch: pytest.MonkeyPatch, module: str, name: str, result: Any = None) -> list[Any]:
    """Put a recorder in a function's place; returns the list of its calls, or raises `result` if it is an exception."""
    calls: list[Any] = []

    def record(*args: Any, **kwargs: Any) -> Any:
        calls.append(SimpleNamespace(args=args, kwargs=kwargs))
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(import_module(module), name, record)
    return calls


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line on stderr of a command that exits 2."""
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cmmd: ")
    assert err.count("\n") == 1
    return err.removeprefix("cmmd: ").rstrip("\n")


# Start-up


def python(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=300, check=True)


@pytest.mark.parametrize("words", [[], ["--help"], ["generate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = "import json, sys; from cmmd.cli import main; main(sys.argv[1:]); print(json.dumps(list(sys.modules)))"
    modules = set(json.loads(python(code, *words).stdout.splitlines()[-1]))
    assert "click" in modules
    assert not modules & {"torch", "numpy", "diffusers", "av", "matplotlib", "pydantic", "jaxtyping"}


def test_help_is_immediate() -> None:
    # CPU seconds, start of the interpreter included: the wall clock would measure how busy the machine is.
    code = "import resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"
    helped = python(f"from cmmd.cli import main; main(['--help']); {code}").stdout
    assert float(helped.splitlines()[-1]) < 0.5


def test_the_installed_command_is_main() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "cmmd.cli", "generate"], capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 2
    assert process.stderr.startswith("cmmd: expected an INPUT file, or --joint")


@pytest.mark.parametrize("name", [None, *commands.commands])
def test_every_help_shows_an_example(name: str | None) -> None:
    shown = CliRunner().invoke(commands, [*([name] if name else []), "--help"]).output
    assert f"Example: cmmd {name or ''}".strip() in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cmmd {__version__}\n"


# Exit codes


def test_bad_input_anywhere_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(monkeypatch, "cmmd.data.world.files", "write_world", InputError("d: found a file, expected a folder"))
    assert refusal(capsys, "world", "impacts", "d") == "d: found a file, expected a folder"


@pytest.mark.parametrize(
    "words",
    [
        ("world", "impacts", "file/deeper"),
        ("train", "world.tiny", "--out", "file/run"),
        ("evaluate", "--data", "world", "--out", "file/report"),
    ],
    ids=lambda words: words[0],
)
def test_a_folder_that_cannot_be_made_is_one_line(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    assert refusal(capsys, *words).endswith("expected a folder to write to")


def test_several_mistakes_are_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(monkeypatch, "cmmd.data.world.files", "write_world", InputError("first\nsecond"))
    assert main(["world", "impacts", "d"]) == 2
    assert capsys.readouterr().err == "cmmd: first\ncmmd: second\n"


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(monkeypatch, "cmmd.data.world.files", "write_world", KeyboardInterrupt())
    assert main(["world", "impacts", "d"]) == 130
    assert capsys.readouterr().err.strip() == "cmmd: interrupted"


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "d/clip.mp4")
    replaced(monkeypatch, "cmmd.data.world.files", "write_world", full)
    told = "d/clip.mp4: found an error (No space left on device), expected a working disk"
    assert refusal(capsys, "world", "impacts", "d") == told


def test_a_full_output_is_one_line() -> None:
    command = [sys.executable, "-m", "cmmd.cli", "--help"]
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert process.returncode == 2
    assert process.stderr == "cmmd: the output: found an error (No space left on device), expected a working disk\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_that_a_terminal_cannot_show_are_spelt_out(tmp_path: Path, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "cmmd.cli", "generate", str(tmp_path / "\N{DRUM WITH DRUMSTICKS}.mp4")]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 2
    assert process.stderr.startswith("cmmd: ") and process.stderr.count("\n") == 1
    assert ".mp4: found no such file" in process.stderr
    # click writes UTF-8 to what says that it is ASCII.
    assert encoding == "ascii" or "\\U0001f941" in process.stderr


def test_a_termination_is_an_interrupt() -> None:
    code = "import os, signal, sys\nfrom cmmd import cli\nimport cmmd.data.world.files as files\n"
    code += "files.write_world = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\n"
    code += "sys.exit(cli.main(['world', 'impacts', 'd']))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (process.returncode, process.stderr.strip()) == (130, "cmmd: interrupted")


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "cmmd.data.world.files", "write_world", RuntimeError("ours"))
    with pytest.raises(RuntimeError, match="ours"):
        main(["world", "impacts", "d"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("generat", "Did you mean 'generate'"),
        ("generate", "expected an INPUT file, or --joint"),
        ("generate a.mp4 --joint", "--joint makes both from nothing"),
        ("generate --joint --to audio", "--joint makes both from nothing"),
        ("generate a.mp4 --seconds 2", "--seconds goes with --joint"),
        ("generate --joint --contrast 1", "--contrast needs an INPUT"),
        ("generate --joint --gradient 1", "--gradient needs an INPUT"),
        ("generate a.mp4 --gradient nan", "'--gradient': nan is not a finite number"),
        ("generate --joint --seconds 0", "'--seconds': 0"),
        ("generate --joint --seconds inf", "'--seconds': inf"),
        ("generate a.mp4 --steps 0", "'--steps': 0 is not in the range"),
        ("generate a.mp4 --steps many", "'--steps': 'many' is not a valid integer"),
        ("generate a.mp4 --guidance nan", "'--guidance': nan is not a finite number"),
        ("generate a.mp4 --guidance=-1", "'--guidance': -1"),
        ("generate a.mp4 --seed -1", "'--seed': -1 is not in the range"),
        ("generate a.mp4 --takes 0", "'--takes': 0 is not in the range"),
        ("generate a.mp4 --to sound", "'sound' is not one of 'audio', 'video'"),
        ("generate a.mp4 --sampler euler", "'euler' is not one of"),
        ("generate a.mp4 --fit stretch", "'stretch' is not one of"),
        ("generate a.mp4 b.mp4 --out c.mp4", "found one file for 2 inputs, expected a folder"),
        ("generate --manifest a.csv --out c.mp4", "found one file for many clips, expected a folder"),
        ("generate tests --out c.wav", "found one file for many clips, expected a folder"),
        ("generate a.mp4 --keep 2.5-0", "'2.5-0' is not START-END in seconds"),
        ("generate a.mp4 --keep bets", "'bets' is not START-END in seconds, such as 0-2.5, and not best"),
        ("generate a.mp4 --keep best", "--keep best chooses among takes: found one, expected --takes 2 or more"),
        ("generate --joint --keep 0-1", "--keep needs an INPUT to take it from"),
        ("generate --joint --mix 0", "--mix needs an INPUT to take it from"),
        ("generate a.mp4 --duck 6", "--duck goes with --mix"),
        ("generate a.mp4 --mix loud", "'--mix': 'loud' is not a valid number"),
        ("generate a.mp4 --loudness 0", "'--loudness': 0"),
        ("generate a.wav --to video --keep-sound", "--keep-sound goes with a new sound for a video"),
        ("generate a.mp4 --keep-sound -o b.wav", "found a file for one sound, expected one for two with --keep-sound"),
        ("generate a.mp4 --stps 3", "No such option '--stps'"),
        ("generate a.mp4 --engine ray", "--engine ray goes with a folder of clips, or a --manifest"),
        ("generate tests --engine ray --device cuda:1", "found cuda:1, expected cuda: Ray chooses the GPU"),
        ("evaluate --data world --clips 1", "'--clips': 1 is not in the range"),
        ("evaluate --data world --family ballet", "'ballet' is not one of"),
        ("evaluate --data world --direction audio", "'audio' is not one of"),
        ("world impacts", "Missing argument 'DIR'"),
        ("world ballet d", "'ballet' is not one of"),
        ("world impacts d --clips 0", "'--clips': 0 is not in the range"),
        ("world impacts d --frames 0", "'--frames': 0 is not in the range"),
        ("train", "expected a RECIPE, one of: "),
    ],
)
def test_a_bad_option_is_one_line(capsys: pytest.CaptureFixture[str], line: str, told: str) -> None:
    assert told in refusal(capsys, *line.split())


# Options reach the work


def sampling(**settings: Any) -> Any:
    return import_module("cmmd.diffusion.sampling_config").SamplingConfig(**settings)


def test_generate_without_options_uses_the_defaults_of_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.named_files", "generate", 0)
    assert main(["generate", "a.mp4", "b.wav"]) == 0
    assert calls[0].args == (
        (Path("a.mp4"), Path("b.wav")),
        import_module("cmmd.generation.named_files").GenerateOptions(),
    )


def test_generate_passes_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.named_files", "generate", 0)
    line = "generate a.mp4 --to audio --model m --out o.mp4 --steps 9 --guidance 2.5 --seed 3 --takes 4 --picture"
    line += " --temperature 0.75 --contrast 0.5 --gradient 0.25"
    line += " --overwrite --keep 0-1 --keep 2-2.5 --keep-sound --mix -6 --duck 3"
    line += " --loudness -23 --stereo --dtype bfloat16"
    line += " --keep best"
    assert main([*line.split(), "--sampler", "dpm++", "--fit", "letterbox", "--device", "cuda:1"]) == 0
    assert calls[0].args[1] == import_module("cmmd.generation.clip_generation").GenerateOptions(
        to="audio",
        joint=False,
        seconds=1.6,
        model=import_module("cmmd.pipelines.loading").ModelOptions(name="m", device="cuda:1", dtype="bfloat16"),
        outputs=import_module("cmmd.generation.output_plan").OutputOptions(
            out=Path("o.mp4"), folder=False, takes=4, best=True, picture=True, overwrite=True
        ),
        sampling=sampling(steps=9, guidance=2.5, temperature=0.75, contrast=0.5, gradient=0.25, sampler="dpm++"),
        keep=((0.0, 1.0), (2.0, 2.5)),
        keep_sound=True,
        mastering=import_module("cmmd.clips.mastering").Mastering(mix=-6, duck=3, loudness=-23, stereo=True),
        seed=3,
        fit="letterbox",
    )


def test_generate_for_folders_and_tables_is_a_run_with_a_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.folders.run", "generate_folder", 0)
    (tmp_path / "clips").mkdir()
    monkeypatch.chdir(tmp_path)
    for words in (["clips"], ["clips", "a.mp4", "-o", "made"], ["clips", "-o", "made.mp4/"], ["clips", "-o", "v.2"]):
        assert main(["generate", *words]) == 0
    assert main(["generate", "--manifest", "list.csv", "a.mp4", "--out", "made"]) == 0
    outs = [call.args[1].outputs.out for call in calls]
    assert outs == [Path(name) for name in ("clips_cmmd", "made", "made.mp4", "v.2", "made")]
    local = import_module("cmmd.engines.placement").LOCAL
    assert [call.kwargs["manifest"] for call in calls] == [None] * 4 + [Path("list.csv")]
    assert all(call.kwargs["placement"] == local for call in calls)


def test_the_threads_of_a_command_are_those_of_a_ray_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.folders.run", "generate_folder", 0)
    monkeypatch.setattr("cmmd.runtime.threads.use_threads", lambda count: None)
    for words in ([], ["--threads", "3", "--device", "cuda"]):
        assert main(["generate", str(tmp_path), "--engine", "ray", *words]) == 0
    found = [call.kwargs["placement"] for call in calls]
    assert [(one.engine, one.threads, one.cpus, one.gpus) for one in found] == [("ray", 1, 1, 0), ("ray", 3, 3, 1)]


def test_generate_for_named_files_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.named_files", "generate", 0)
    for words in (["a.mp4", "-o", "made/"], ["a.mp4", "b.mp4", "-o", "made"]):
        assert main(["generate", *words]) == 0
    assert [call.args[1].outputs.out for call in calls] == [Path("made")] * 2


def test_generate_goes_on_from_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.named_files", "generate", 0)
    for words in ([], ["--seconds", "4"]):
        assert main(["generate", "a.mp4", "--joint", "--keep", "0-1.5", *words]) == 0
    assert [(call.args[1].joint, call.args[1].seconds) for call in calls] == [(True, None), (True, 4)]


def test_generate_joint_needs_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.generation.named_files", "generate", 0)
    assert main(["generate", "--joint", "--seconds", "3.2"]) == 0
    assert calls[0].args == ((), import_module("cmmd.generation.named_files").GenerateOptions(joint=True, seconds=3.2))


def test_generate_exits_2_when_an_input_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "cmmd.generation.named_files", "generate", 1)
    assert main(["generate", "a.mp4", "bad.mp4"]) == 2


def test_world_passes_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "cmmd.data.world.files", "write_world")
    assert main(["world", "dance", "d", "--clips", "3", "--seed", "7", "--frames", "32", "--split", "hard"]) == 0
    assert calls[0].args == ("dance", Path("d"))
    sizes = {"fps": 10, "image_size": 64}
    assert calls[0].kwargs == {"clips": 3, "seed": 7, "frames": 32, "split": "hard", **sizes}
    assert main(["world", "hits", "d", "--fps", "20", "--image-size", "128"]) == 0
    assert calls[1].kwargs["fps"] == 20 and calls[1].kwargs["image_size"] == 128


def test_world_refuses_a_rate_that_a_family_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the world has (10, 64, 16000) for impacts" in refusal(capsys, "world", "impacts", "d", "--fps", "20")


# Recipes


@pytest.fixture
def recipe() -> str:
    return recipe_names()[0]


def test_train_lists_the_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list"]) == 0
    assert tuple(capsys.readouterr().out.split()) == tuple(recipe_names())


def test_listing_recipes_does_not_import_torch() -> None:
    code = "import sys; from cmmd.cli import main; main(['train', '--list']); assert 'torch' not in sys.modules"
    assert python(code).stdout


def test_an_unknown_recipe_is_one_line_with_the_nearest(capsys: pytest.CaptureFixture[str], recipe: str) -> None:
    assert refusal(capsys, "train", f"{recipe}x") == (
        f"no recipe '{recipe}x'; did you mean '{recipe}'? (cmmd train --list prints all)"
    )


def test_train_runs_the_resolved_recipe(monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    calls = replaced(monkeypatch, "cmmd.recipes", "run_recipe")
    assert main(["train", recipe]) == 0
    assert main(["train", recipe, "--out", "elsewhere", "--device", "cuda:1"]) == 0
    config = load_recipe(recipe)
    assert [call.args for call in calls] == [(recipe, config)] * 2
    assert [call.kwargs for call in calls] == [
        {"out": Path("runs", recipe), "resume": False, "device": "auto"},
        {"out": Path("elsewhere"), "resume": False, "device": "cuda:1"},
    ]


def test_a_resumed_run_has_its_own_settings(
    monkeypatch: pytest.MonkeyPatch, recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = replaced(monkeypatch, "cmmd.recipes", "run_recipe")
    config = resolve(load_recipe(recipe), overrides=["loop.seed=7"])
    (tmp_path / "config.yaml").write_text(f"recipe: {recipe}\n{to_yaml(config)}")
    assert main(["train", "--resume", "--out", str(tmp_path), "--set", "loop.steps=9"]) == 0
    assert calls[0].args == (recipe, resolve(config, overrides=["loop.steps=9"])) and calls[0].kwargs["resume"]
    assert "found no config.yaml, expected the folder of a run" in refusal(
        capsys, "train", recipe, "--resume", "--out", str(tmp_path / "none")
    )
    other = next(name for name in recipe_names() if name != recipe)
    told = refusal(capsys, "train", other, "--resume", "--out", str(tmp_path))
    assert f"found a run of {recipe}, expected one of {other}" in told
    assert "expected --out DIR, the folder of the run" in refusal(capsys, "train", "--resume")
    assert main(["train", recipe, "--config", str(tmp_path / "config.yaml")]) == 0
    told = refusal(capsys, "train", other, "--config", str(tmp_path / "config.yaml"))
    assert f"holds settings of {recipe}, expected {other}" in told


def test_train_refuses_unknown_settings(capsys: pytest.CaptureFixture[str], recipe: str) -> None:
    assert refusal(capsys, "train", recipe, "--set", "nonsense=1").startswith(
        "--set nonsense=1: nonsense: no such setting"
    )


@pytest.mark.parametrize("name", recipe_names())
def test_what_show_prints_is_a_config_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", name, "--show"]) == 0
    file = tmp_path / "shown.yaml"
    file.write_text(capsys.readouterr().out)
    calls = replaced(monkeypatch, "cmmd.recipes", "run_recipe")
    assert main(["train", name, "--config", str(file)]) == 0
    assert calls[0].args == (name, load_recipe(name))
