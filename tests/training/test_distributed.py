"""Several ranks: the losses of one, checkpoints that any number goes on from, and death at any moment."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cmmd.errors import InputError
from cmmd.training.distributed import Ranks
from cmmd.training.log import read_log
from cmmd.training.state import checkpoints

SCRIPT = Path(__file__).with_name("small_run.py")
STEPS, HALF = 6, 3
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
FILES = ["ema.safetensors", "model.safetensors", "optimizer.safetensors", "state.json"]


Run = Callable[..., list[int]]


@pytest.fixture(scope="module")
def run(preloaded: Path) -> Run:
    """Makes a run with as many ranks as asked for; returns their exit codes. All end as soon as one has failed."""

    def start(out: Path, *words: str, ranks: int = 1) -> list[int]:
        launch = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
        processes = []
        for rank in range(ranks):
            of_rank = launch | {"RANK": str(rank), "LOCAL_RANK": str(rank)} if ranks > 1 else {}
            command = [preloaded / "python", SCRIPT, out, "--plain", *words]
            processes.append(subprocess.Popen(command, env=ENVIRONMENT | of_rank, stderr=subprocess.DEVNULL))
        while any(process.poll() is None for process in processes):
            if any(process.returncode for process in processes):
                for process in processes:
                    process.kill()
            time.sleep(0.01)
        return [process.returncode for process in processes]

    return start


def torchrun(preloaded: Path, out: Path, *words: str, launch: Sequence[str]) -> subprocess.Popen[bytes]:
    """Starts an agent, with `launch`, whose ranks make a run."""
    command = [preloaded / "python", "-m", "torch.distributed.run", *launch, SCRIPT, out, "--held-out", "6", *words]
    environment = ENVIRONMENT | {"PYTHON_EXEC": str(preloaded / "python")}  # with which torchrun starts the ranks
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def same(a: Path, b: Path, *, tolerance: float = 1e-5) -> bool:
    """Whether two runs ended in the same EMA and in the same moments of the optimiser, which tell of all gradients:
    by the norm of their difference, as Adam makes whole steps of gradients that are next to nothing."""
    for name in ("result.safetensors", f"step-{STEPS:08d}/optimizer.safetensors"):
        one, other = (load_file(out / name) for out in (a, b))
        assert one.keys() == other.keys()
        difference, whole = (
            torch.cat([tensor.flatten().double() for tensor in tensors]).norm()
            for tensors in ([one[key] - other[key] for key in one], one.values())
        )
        if difference > tolerance * whole:
            return False
    return True


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_log(out / "log.jsonl") if "step" in line]


def held_out(out: Path) -> list[float]:
    return [line["held_out_loss"] for line in read_log(out / "log.jsonl") if "held_out_loss" in line]


@pytest.fixture(scope="module")
def alone(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    assert run(out, "--held-out", "6") == [0]
    assert len(losses(out)) == STEPS and len(held_out(out)) == 2
    return out


@pytest.fixture(scope="module")
def killed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process, killed halfway."""
    out = tmp_path_factory.mktemp("killed")
    assert run(out, "--held-out", "6", "--die-at", str(HALF)) == [-signal.SIGKILL]
    assert len(losses(out)) == HALF
    return out


def test_two_ranks_have_the_losses_gradients_and_evaluations_of_one(preloaded, alone, tmp_path):
    agent = torchrun(preloaded, tmp_path, launch=["--standalone", "--nproc-per-node", "2"])
    log = agent.communicate()[1]
    assert agent.returncode == 0, log.decode()
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-5)
    assert held_out(tmp_path) == pytest.approx(held_out(alone), rel=1e-5)
    assert same(alone, tmp_path)
    assert [line["world_size"] for line in read_log(tmp_path / "log.jsonl") if "world_size" in line] == [2]


def test_two_ranks_go_on_from_a_killed_run_of_one(run, alone, killed, tmp_path):
    out = shutil.copytree(killed, tmp_path / "run")
    assert run(out, "--held-out", "6", "--resume", ranks=2) == [0, 0]
    assert losses(out) == pytest.approx(losses(alone), rel=1e-5)
    assert same(alone, out)


def test_killed_while_saving_it_goes_on_from_a_whole_checkpoint(run, alone, tmp_path):
    words = ("--held-out", "6", "--save-every", "1")
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path), "--plain", *words], stderr=subprocess.DEVNULL
    )
    # Every step is saved: once two are there, the next half-written one is seen and the process killed over it.
    while process.poll() is None:
        if len(checkpoints(tmp_path)) >= 2 and any(tmp_path.glob(".step-*.part")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0002)
    assert process.wait() == -signal.SIGKILL
    assert any(tmp_path.glob(".step-*.part")), "the kill came after the save"
    assert run(tmp_path, *words, "--resume") == [0]
    assert losses(tmp_path) == losses(alone)
    assert same(alone, tmp_path, tolerance=0)


def test_ranks_that_shard_the_weights_train_as_one_does(run, alone, tmp_path):
    """FSDP2 equals DDP, which equals one process; its checkpoints are the same files, from which any number goes on."""
    assert run(tmp_path, "--fsdp", "--held-out", "6", "--die-at", str(HALF), ranks=2)[0] == -signal.SIGKILL
    assert len(losses(tmp_path)) == HALF
    assert sorted(path.name for path in checkpoints(tmp_path)[-1].iterdir()) == FILES
    halfway = tmp_path / "halfway"
    shutil.copytree(tmp_path, halfway)
    assert run(tmp_path, "--fsdp", "--held-out", "6", "--resume", ranks=2) == [0, 0]
    assert run(halfway, "--held-out", "6", "--resume") == [0]
    for out in (tmp_path, halfway):
        assert losses(out) == pytest.approx(losses(alone), rel=1e-5)
        assert held_out(out) == pytest.approx(held_out(alone), rel=1e-5)
        assert same(alone, out)


def test_ranks_that_shard_the_weights_go_on_from_one_that_has_them_all_and_in_bf16(run, alone, killed, tmp_path):
    out, mixed = (shutil.copytree(killed, tmp_path / name) for name in ("run", "mixed"))
    assert run(out, "--fsdp", "--held-out", "6", "--resume", ranks=2) == [0, 0]
    assert losses(out) == pytest.approx(losses(alone), rel=1e-5)
    assert same(alone, out)
    (mixed / "config.yaml").write_text((mixed / "config.yaml").read_text().replace("fp32", "bf16"))
    assert run(mixed, "--fsdp", "--precision", "bf16", "--held-out", "6", "--resume", ranks=2) == [0, 0]
    # Gathered and multiplied in bf16, summed in fp32: near, and not the same.
    assert losses(mixed)[HALF:] == pytest.approx(losses(alone)[HALF:], rel=0.01)
    assert losses(mixed)[HALF:] != pytest.approx(losses(alone)[HALF:], rel=1e-6)


def run_on_two_nodes(preloaded: Path, out: Path, *, seconds: float) -> list[tuple[int, str]] | None:
    """Exit code and end of the log of two agents of torchrun on this machine, a rank each; None if they hang."""
    launch = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "4"]
    launch += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{free_port()}", "--rdzv-id", "test"]
    words = ("--die-at", str(HALF), "--die-rank", "1", "--plain")
    nodes = [torchrun(preloaded, out, *words, launch=launch) for _ in range(2)]
    try:
        logs = [node.communicate(timeout=seconds)[1].decode()[-3000:] for node in nodes]
    except subprocess.TimeoutExpired:
        for node in nodes:
            node.terminate()  # an agent then ends its rank
            node.communicate()
        return None
    finally:
        for node in nodes:
            node.kill()
    return [(node.returncode, log) for node, log in zip(nodes, logs, strict=True)]


@pytest.mark.first
def test_a_rank_that_dies_in_a_run_of_two_nodes_takes_all_back_to_the_last_save(preloaded, alone, tmp_path):
    """The end is that of a run in which nothing happened.

    torchrun may restart the nodes with different values of TORCHELASTIC_RESTART_COUNT: one counts a failure, the other
    does not count a change of membership. init_process_group takes its prefix in the store from it, so the ranks wait
    for each other until the timeout of 30 minutes; further attempts are made in that case. Or they meet, one with the
    address that the other had before: gloo then fails after 30 s, and they restart once more.
    """
    ended = None
    for attempt in ("first", "second", "third", "fourth"):
        out = tmp_path / attempt / "run"
        out.parent.mkdir()
        ended = run_on_two_nodes(preloaded, out, seconds=60)
        if ended is not None:
            break
    assert ended is not None and [code for code, _ in ended] == [0, 0], ended
    assert out.with_name("run.died").exists()
    assert losses(out) == pytest.approx(losses(alone), rel=1e-5)
    assert held_out(out) == pytest.approx(held_out(alone), rel=1e-5)
    assert same(alone, out)


def test_a_device_that_is_not_there_is_told():
    for name in ("cuda:7", "nonsense", "meta"):
        with pytest.raises(InputError, match=f"device '{name}': .*, expected cpu, cuda or cuda:N of this machine"):
            Ranks.join(name)
    assert Ranks.join("cpu").device.type == "cpu"


@pytest.mark.parametrize(("rank", "expected"), [(0, ["block", "wait"]), (1, ["wait", "block"])])
def test_the_main_rank_goes_first(rank, expected):
    """The main rank meets the others after its block, they meet it before theirs."""
    events: list[str] = []

    class Noted(Ranks):
        def wait(self) -> None:
            events.append("wait")

    with Noted(rank=rank, world_size=2).main_first():
        events.append("block")
    assert events == expected
