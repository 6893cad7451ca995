"""Threads of the command line: what the user has set stays, nothing is set by an import, --threads reaches torch."""

import json
import math
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cmmd.cli import commands, main
from cmmd.runtime import threads

SETTINGS = (*threads.COUNTS, *threads.WAITING)
COMPUTE = ("generate", "train", "evaluate", "prepare")


@pytest.fixture(autouse=True)
def free(monkeypatch):
    """A machine without a quota, on which the user has set nothing."""
    monkeypatch.setattr(threads, "processor_quota", lambda: math.inf)
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that it is put back whatever a test leaves there
        monkeypatch.delenv(name)


def test_threads_sleep_instead_of_spinning():
    assert threads.thread_settings({}) == {"GOMP_SPINCOUNT": threads.SPINS}
    assert int(threads.SPINS) < 300_000  # OpenMP's own


@pytest.mark.parametrize("name", threads.WAITING)
def test_a_way_of_waiting_that_the_user_has_set_stays(name):
    assert threads.thread_settings({name: "anything"}) == {}


def test_a_container_counts_its_own_processors(monkeypatch):
    monkeypatch.setattr(threads, "processor_quota", lambda: 1.5)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(threads, "processors", lambda: 2)
    assert threads.thread_settings({})["OMP_NUM_THREADS"] == "2"
    for name in threads.COUNTS:
        assert "OMP_NUM_THREADS" not in threads.thread_settings({name: "7"})


def test_once_torch_is_imported_nothing_is_settled():
    assert "torch" in sys.modules or __import__("torch")
    environment: dict[str, str] = {}
    threads.settle_threads(environment)
    assert environment == {}


def test_threads_of_a_process_that_has_torch():
    import torch

    before = torch.get_num_threads()
    try:
        threads.use_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        assert {os.environ[name] for name in threads.COUNTS} == {str(before + 1)}
    finally:
        torch.set_num_threads(before)


def in_a_process(code: str) -> list:
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    code = f"import json, os, sys\n{code}"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env=plain, capture_output=True, text=True, timeout=300, check=True).stdout
    return json.loads(told.splitlines()[-1])


def test_an_import_sets_nothing_and_a_command_does():
    tell = f"print(json.dumps([name for name in {SETTINGS} if name in os.environ]))"
    assert in_a_process(f"import cmmd, cmmd.runtime.threads, cmmd.cli\n{tell}") == []
    assert "GOMP_SPINCOUNT" in in_a_process(f"from cmmd.cli import main\nmain(['train', '--list'])\n{tell}")


def test_the_option_is_what_torch_computes_with():
    code = "from cmmd.cli import main\nmain(['train', 'world.autoencoder', '--show', '--threads', '1'])\n"
    assert in_a_process(f"{code}import torch\nprint(json.dumps([torch.get_num_threads()]))") == [1]


@pytest.mark.parametrize("name", COMPUTE)
def test_commands_that_compute_have_the_options_of_the_machine(name):
    shown = CliRunner().invoke(commands, [name, "--help"]).output
    assert "--threads" in shown and "--device" in shown and "cuda:1" in shown


@pytest.mark.parametrize("count", ["0", "-1", "many", "2000"])
def test_a_count_that_is_none_is_one_line(capsys, count):
    assert main(["generate", "a.mp4", "--threads", count]) == 2
    assert capsys.readouterr().err.count("\n") == 1
