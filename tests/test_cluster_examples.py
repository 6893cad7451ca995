"""examples/cluster and the Dockerfile: the shell of the jobs runs as by their scheduler, the image is any user's."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_folder import made_clip
from serial_workers import SerialWorkers

from cmmd.cli import main
from cmmd.clips.writing import write_sound
from cmmd.data.preparing import prepare as preparation
from cmmd.data.world.families import world_clip

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "cluster"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "scale.md").read_text()
KUBERNETES = yaml.safe_load((EXAMPLES / "kubernetes_prepare.yaml").read_text())


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder of commands that write their words to `commands/log` instead of their work, except srun, which runs its
    command on this machine, and scontrol, which names two nodes."""
    folder = tmp_path / "commands"
    folder.mkdir()
    note = f"#!{sys.executable}\nimport json, os, sys\n"
    note += (
        f"open({str(folder / 'log')!r}, 'a').write(json.dumps([os.environ.get('RAY_ADDRESS'), *sys.argv]) + '\\n')\n"
    )
    srun = '#!/bin/bash\nwhile [[ "$1" == --* ]]; do shift; done\nexec "$@"\n'
    scripts = {"cmmd": note, "torchrun": note, "ray": note, "srun": srun, "scontrol": "#!/bin/sh\necho one; echo two\n"}
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run(commands: Path, words: list[str], **variables: object) -> list[list[Any]]:
    """Runs a script and returns RAY_ADDRESS and the words of each command that it started."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"PATH": f"{commands}:{os.environ['PATH']}", **{name: str(v) for name, v in variables.items()}}
    subprocess.run(words, env=environment, check=True, timeout=60)
    return [
        [address, Path(name).name, *rest]
        for address, name, *rest in map(json.loads, (commands / "log").read_text().splitlines())
    ]


def test_slurm_tasks_and_kubernetes_pods_fill_one_folder(commands, tmp_path, monkeypatch, capsys):
    """Two tasks of Slurm and, into another folder, two pods; the words of each `cmmd` are run here."""
    monkeypatch.setattr(preparation, "Workers", SerialWorkers)
    media, folders = tmp_path / "media", [tmp_path / "slurm", tmp_path / "kubernetes", tmp_path / "alone"]
    for number in range(2):
        made_clip(media / f"{number}.mkv", seconds=1.6, seed=number)
    (container,) = KUBERNETES["spec"]["template"]["spec"]["containers"]
    for task in range(2):
        slurm = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": 2, "SLURM_CPUS_PER_TASK": 1}
        run(commands, ["bash", str(EXAMPLES / "slurm_prepare.sh"), str(media), str(folders[0])], **slurm)
        pod = {"SOURCE": media, "OUT": folders[1], "JOB_COMPLETION_INDEX": task, "JOB_COMPLETIONS": 2}
        started = run(commands, [*container["command"], *container["args"]], **pod)
    small = ["--seconds", "1.6", "--files-per-shard", "1", "--validation", "0.3"]
    assert len(started) == 4 and all(words[1:3] == ["cmmd", "prepare"] for words in started)
    for _, _, *words in started:
        assert main([*words, *small]) == 0
    assert main(["prepare", str(media), str(folders[2]), *small]) == 0
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert len(contents[0]) == 5 and contents[0] == contents[1] == contents[2]


def test_the_pod_is_any_users_with_a_read_only_root():
    spec = KUBERNETES["spec"]
    assert KUBERNETES["kind"] == "Job" and spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert int(given["JOB_COMPLETIONS"]) == spec["completions"] >= spec["parallelism"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert mounts["scratch"] == "/tmp" and set(mounts) == {one["name"] for one in spec["template"]["spec"]["volumes"]}
    assert given["SOURCE"].startswith(mounts["data"]) and given["OUT"].startswith(mounts["data"])


def test_a_slurm_job_starts_ray_on_its_nodes_and_generates(commands):
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": 2, "SLURM_CPUS_PER_TASK": 4, "RAY_HEAD_SECONDS": 1}
    words = ["bash", str(EXAMPLES / "slurm_ray.sh"), "clips", "results", "--steps", "9"]
    found = run(commands, words, **job)
    generate = ["one:6379", "cmmd", "generate", "clips", "--out", "results", "--engine", "ray", "--steps", "9"]
    assert generate in found
    started = [words[1:] for words in found if words[1] == "ray"]
    head = ["ray", "start", "--head", "--port=6379", "--include-dashboard=false", "--num-cpus=4", "--block"]
    assert started[0] == head
    assert started[1:] in ([["ray", "start", "--address=one:6379", "--num-cpus=4", "--block"]], [])  # may be ended


def test_a_slurm_job_trains_as_the_page_on_training_says(commands, tmp_path):
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": 2, "SLURM_GPUS_ON_NODE": 8, "SLURM_JOB_ID": "run1"}
    script = ["bash", str(EXAMPLES / "slurm_train.sh"), "aist.cmmd", str(tmp_path / "run")]
    (found,) = run(commands, script, **job)
    page = (ROOT / "docs" / "training.md").read_text()
    block = re.search(r"\$ (torchrun --nnodes 2 .*?)```", page, re.DOTALL)
    assert block is not None
    told = shlex.split(block[1].replace("\\\n", " ").replace("/shared/run1", str(tmp_path / "run")))
    assert found[1:] == [word.replace("host:", "one:") for word in told]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").touch()
    assert run(commands, script, **job)[-1][-4:] == ["train", "--resume", "--out", str(tmp_path / "run")]


def test_every_example_is_on_the_page_and_valid_shell():
    for file in sorted(EXAMPLES.iterdir()):
        assert f"(../examples/cluster/{file.name})" in PAGE
        if file.suffix == ".sh":
            subprocess.run(["bash", "-n", str(file)], check=True)


def instructions() -> list[tuple[str, str]]:
    """(name, words) of the Dockerfile's instructions."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, words.strip()) for name, _, words in (line.partition(" ") for line in text.splitlines() if line)]


def environment() -> dict[str, str]:
    (given,) = [words for name, words in instructions() if name == "ENV"]
    return dict(word.split("=", 1) for word in shlex.split(given))


def test_the_image_is_built_by_the_commands_of_the_readme():
    found = instructions()
    assert [name for name, _ in found if name in ("FROM", "RUN", "USER", "ENTRYPOINT")] == [
        *("FROM", "RUN", "USER", "ENTRYPOINT"),
    ]
    by_name = dict(found)
    assert by_name["ENTRYPOINT"] == '["cmmd"]' and by_name["CMD"] == '["--help"]'
    assert not by_name["USER"].startswith(("0", "root"))
    install = shlex.split(by_name["RUN"].replace("${EXTRA}", "cluster"))
    assert install[:2] == ["pip", "install"] and "./[cluster]" in install and install[-1] == "constraints.txt"
    assert 'pip install "./[cluster]"' in (ROOT / "README.md").read_text() and install[-2] == "--constraint"
    copied = [word for name, words in found if name == "COPY" for word in words.split()[:-1]]
    assert all((ROOT / name).exists() for name in copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored and {f"!{name}" for name in copied} <= set(ignored)
    needed = {"pyproject.toml", "README.md", "LICENSE", "constraints.txt", "src"}
    assert needed == set(copied)


def test_the_image_writes_outside_its_folders_to_tmp_only():
    paths = {name: value for name, value in environment().items() if value.startswith("/")}
    assert {"HOME", "XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR"} <= set(paths)
    assert all(value == "/tmp" or value.startswith("/tmp/") for value in paths.values())


READ_ONLY = """
import errno, os, pwd, sys
from cmmd.__main__ import run
writing, changes = os.O_WRONLY | os.O_RDWR | os.O_CREAT, {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}
allowed = tuple(sys.argv.pop(1).split(os.pathsep))
def refuse(event, values):
    if event == "open" and values[2] & writing or event in changes:
        path = os.path.realpath(os.fsdecode(values[0])) if not isinstance(values[0], int) else allowed[0]
        if not path.startswith(allowed) and path != os.devnull:
            raise OSError(errno.EROFS, "Read-only file system", path)
def nobody(user):
    raise KeyError(user)
sys.addaudithook(refuse)
pwd.getpwuid = nobody
run()
"""


@pytest.mark.slow
def test_a_user_without_a_name_generates_where_only_its_folder_and_tmp_can_be_written(tmp_path):
    """With the environment of the image, in a process that finds all other folders read-only."""
    work, own = Path(os.path.realpath(tmp_path / "work")), Path(os.path.realpath(tmp_path / "tmp"))
    for folder in (work, own):
        folder.mkdir()
    write_sound(world_clip("impacts", 1).waveform, work / "clip.wav", sample_rate=16_000)
    given = {name: value.replace("/tmp", str(own)) for name, value in environment().items()}
    given |= {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def cmmd(allowed: list[Path], *words: str) -> subprocess.CompletedProcess[str]:
        start = [sys.executable, "-c", READ_ONLY, os.pathsep.join(map(str, allowed))]
        return subprocess.run(
            [*start, *words], cwd=work, env={"TMPDIR": str(own), **given}, capture_output=True, text=True, check=False
        )

    found = cmmd([work, own], "generate", "clip.wav", "--steps", "1", "--picture")
    assert found.returncode == 0, found.stderr
    assert sorted(path.name for path in work.iterdir()) == ["clip.wav", "clip_cmmd.mp4", "clip_cmmd.png"]
    refused = cmmd([own], "generate", "clip.wav", "--steps", "1", "--out", "other.mp4")
    assert refused.returncode == 2 and "Read-only file system" in refused.stderr
