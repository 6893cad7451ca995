"""Units of work in Ray workers: each is done once, and a worker, a node or a unit that dies costs no other unit."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cmmd.cli import main
from cmmd.engines import ray_connection, ray_workers
from cmmd.engines.placement import Placement
from cmmd.engines.units import run_units
from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray")
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not import tests
ON_RAY = Placement(engine="ray")


def load_behaviour(log: Path) -> Callable[[Any], Any]:
    """Numbers are squared, words are what goes wrong. log: gets a line when a model is loaded and a unit begins."""
    from cmmd.errors import InputError

    def note(what: Any) -> None:
        with log.open("a") as file:
            file.write(json.dumps([os.getpid(), what]) + "\n")

    note("load")

    def behave(unit: Any) -> Any:
        note(unit)
        if unit == "die":
            os._exit(3)
        if unit == "die once" and log.read_text().count("die once") == 1:
            os._exit(3)
        if unit == "bad input":
            raise InputError("clip.mp4: found noise")
        if unit == "defect":
            raise KeyError("nothing")
        time.sleep(0.05)
        return unit * 2

    return behave


def lines(log: Path) -> list[tuple[int, Any]]:
    return [(pid, what) for pid, what in map(json.loads, log.read_text().splitlines())]


def test_every_unit_once_and_a_load_per_worker(two_nodes, tmp_path):
    log = tmp_path / "log"
    found = dict(run_units(partial(load_behaviour, log), range(12), ON_RAY))
    assert found == {number: 2 * number for number in range(12)}
    assert sorted(what for _, what in lines(log) if what != "load") == list(range(12))
    loads = Counter(pid for pid, what in lines(log) if what == "load")
    assert set(loads.values()) == {1} and len(loads) <= len(two_nodes)
    assert set(loads) == {pid for pid, _ in lines(log)} and os.getpid() not in loads


def test_a_unit_that_kills_its_workers_fails_alone_and_not_for_ever(two_nodes, tmp_path):
    log = tmp_path / "log"
    units = [1, "die", 2, "die once", 3]
    found = dict(run_units(partial(load_behaviour, log), units, ON_RAY))
    failure = found.pop("die")
    assert isinstance(failure, Failure) and failure.reason.startswith("ended 3 workers (Actor")
    assert found == {1: 2, 2: 4, 3: 6, "die once": "die oncedie once"}
    began = Counter(what for _, what in lines(log))
    assert (began["die"], began["die once"]) == (3, 2) and [began[number] for number in (1, 2, 3)] == [1, 1, 1]


def test_an_exception_of_the_work_ends_the_run_as_itself(two_nodes, tmp_path):
    load = partial(load_behaviour, tmp_path / "log")
    with pytest.raises(InputError, match=r"^clip\.mp4: found noise$"):
        list(run_units(load, ["bad input"], ON_RAY))
    with pytest.raises(KeyError, match="nothing") as raised:
        list(run_units(load, ["defect"], ON_RAY))
    assert "in behave" in "".join(raised.value.__notes__)
    assert not ray.is_initialized()


def test_no_more_units_are_in_progress_than_there_are_places(two_nodes, tmp_path):
    log = tmp_path / "log"
    results = run_units(partial(load_behaviour, log), range(50), ON_RAY)
    next(results)
    time.sleep(1.0)
    assert sum(what != "load" for _, what in lines(log)) <= 2 * len(two_nodes)
    results.close()


def test_a_node_that_joins_gets_a_worker(cluster, two_nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_workers, "LOOKS_EVERY", 0.5)
    cluster.remove_node(two_nodes[0])
    log = tmp_path / "log"
    results = run_units(partial(load_behaviour, log), range(400), ON_RAY)
    next(results)
    assert len({pid for pid, _ in lines(log)}) == 1
    cluster.add_node(num_cpus=1)
    while len({pid for pid, _ in lines(log)}) == 1:
        next(results)  # StopIteration if there never is a second
    results.close()


def seen_gpu() -> Callable[[int], tuple[str, str]]:
    return lambda unit: (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"])


def test_work_on_cuda_goes_where_a_gpu_is_and_waits_for_one(cluster, two_nodes, monkeypatch, capsys):
    on_gpu = Placement(engine="ray", device="cuda")
    monkeypatch.setattr(ray_workers, "PATIENCE", 2.0)
    monkeypatch.setattr(ray_workers, "LOOKS_EVERY", 0.5)
    with pytest.raises(InputError, match="found no place with 1 CPUs and 1 GPU for 2 s"):
        list(run_units(seen_gpu, [0], on_gpu))
    assert capsys.readouterr().err == "cmmd: waiting for a node with 1 CPUs and 1 GPU\n"
    monkeypatch.setattr(ray_workers, "PATIENCE", 60.0)
    node = cluster.add_node(num_cpus=2, num_gpus=2)
    try:
        assert {seen for _, seen in run_units(seen_gpu, range(8), on_gpu)} <= {("0", "1"), ("1", "1")}
        two_threads = replace(on_gpu, cpus=2, threads=2)
        seen = [found for _, found in run_units(seen_gpu, range(2), two_threads) if not isinstance(found, Failure)]
        assert len(seen) == 2 and {threads for _, threads in seen} == {"2"}
    finally:
        cluster.remove_node(node)


def test_ray_chooses_the_gpu_of_a_worker(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    assert main(["generate", str(tmp_path / "clips"), "--engine", "ray", "--device", "cuda:1"]) == 2
    assert capsys.readouterr().err == (
        "cmmd: --device: found cuda:1, expected cuda: Ray chooses the GPU of each worker\n"
    )


def refused(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is found at an address that is no cluster's, in less than half a minute."""
    monkeypatch.setattr(ray_connection, "ANSWERS_WITHIN", 3.0)
    monkeypatch.setenv("RAY_ADDRESS", address)
    began = time.monotonic()
    with pytest.raises(InputError) as raised:
        list(run_units(seen_gpu, [0], ON_RAY))
    assert time.monotonic() - began < 30
    expected = "expected HOST:PORT of the head of a Ray cluster"
    told = re.fullmatch(rf"RAY_ADDRESS={address}: found (.*), {expected}", str(raised.value))
    assert told is not None
    return told[1]


def test_an_address_without_a_cluster_is_one_line_in_bounded_time(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert refused(address, monkeypatch) == "no answer within 3 s"
    assert "Connection refused" in refused(address, monkeypatch)
    assert refused("ray://127.0.0.1:10001", monkeypatch) == "an address of Ray Client"


def test_without_ray_a_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r'expected the extra: pip install "\./\[cluster\]" in a checkout$'):
        list(run_units(seen_gpu, [0], ON_RAY))


def test_ray_is_not_imported_without_its_engine():
    code = "import sys, cmmd.generation.folders.run, cmmd.data.preparing.prepare, cmmd.evaluation.evaluate as e"
    code += "; from cmmd.engines.placement import LOCAL; from cmmd.engines.units import run_units"
    code += "; assert list(run_units(lambda: str, [1, 2], LOCAL)) == [(1, '1'), (2, '2')]"
    code += "; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
