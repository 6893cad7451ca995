"""Small tables, settings and model folders that ask for much, and files that never end: a line, at once."""

import json
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made_tables import KINDS, SETTINGS
from spoilt_models import make_model, use
from watching import MEMORY, watched

from cmmd.cli import main

pytestmark = pytest.mark.slow

TABLES = {
    "manifest csv": [
        "file,start,end\na.mp4,0,3600000\n",
        "file,start\na.mp4,1e300\n",
        "file\n" + "x" * 140_000 + "\n",
        "a," * 200_000 + "\n",
    ],
    "manifest jsonl": [
        '{"file": "a.mp4", "start": 0, "end": 3600000}',
        '{"file": "a.mp4", "end": 1' + "0" * 400 + "}",
        '{"file":' + "[" * 1_000_000,
    ],
    "epic": [
        "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,class\n"
        + "a,P01,P01_01,00:00:00.0,9999:59:59.0,x\n",
    ],
    "pairs jsonl": ["[" * 1_000_000, '{"name": "a", "file": "b", "events": [' + "1e999," * 1000 + "1]}"],
    "events": ['{"events": [' + "9" * 5000 + "]}", '{"a":' * 200_000],
    "key": ["[" * 1_000_000],
    "answers": ['{"a":' * 200_000],
    "record": ["[[[" * 300_000],
    "index": ["{" * 100_000],
    "shard": ["9" * 100_000],
    "world.tiny": [
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        "[" * 100_000,
        "loop: {steps: " + "9" * 100_000 + "}",
        "loop:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 1000)),
    ],
}
MODELS = {
    "unet/config.json": [
        {"network": {"video_widths": [10**9], "audio_widths": [10**9]}},
        {"network": {"video_widths": [65_536], "audio_widths": [65_536], "heads": 2}},
        {"network": {"blocks_per_level": 10**9}},
        {"network": {"message_width": 65_536}},
        {"network": {"video_widths": [8] * 100_000, "audio_widths": [8] * 100_000}},
        {"mels": 10**9, "latent_size": 10**9},
        {"latent_channels": 2**20, "spectrogram_channels": 2**20},
    ],
    "video_autoencoder/config.json": [
        {"encoder_block_out_channels": [10**9] * 4},
        {"encoder_block_out_channels": [65_536] * 4},
        {"num_encoder_blocks": [0, 10**9, 1, 1]},
        {"latent_channels": 10**9},
        {"upsampling_scaling_factor": 10**6},
    ],
    "scheduler/scheduler_config.json": [
        {"num_train_timesteps": 10**9},
        {"num_train_timesteps": 10**9, "trained_betas": None},
        {"solver_order": 10**9},
        {"steps_offset": 10**9},
    ],
    "model_index.json": [
        {"geometry": {"fps": 1, "frames": 2**20, "sample_rate": 768_000, "mels": 4096, "image_size": 32_768}},
        {"geometry": {"fps": 10, "frames": 4, "sample_rate": 16_000, "mels": 16, "image_size": 32_768}},
        {"statistics": {"video": {"mean": [0] * 100_000, "std": [1] * 100_000}, "audio": {"mean": [0], "std": [1]}}},
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_asks_for_much_is_refused(name, tmp_path):
    kind = (KINDS | SETTINGS)[name]
    kind.make(tmp_path)
    for text in TABLES[name]:
        (tmp_path / kind.file).write_text(text)
        found = watched(partial(kind.read, tmp_path))
        assert found.told is not None and found.peak < MEMORY and found.seconds < 20, (text[:200], found)


def test_annotations_of_years_ask_for_what_their_file_holds(tmp_path):
    kind, rows = KINDS["epic"], (f"a{row},P01,P01_01,00:00:00.0,250:00:00.0,x\n" for row in range(500))
    kind.make(tmp_path)
    (tmp_path / kind.file).write_text(TABLES["epic"][0].splitlines()[0] + "\n" + "".join(rows))
    listings: list[Any] = []
    found = watched(lambda: listings.append(kind.read(tmp_path)))
    assert found.peak < MEMORY and found.seconds < 20, found
    assert len(listings[0].requests) == 500  # a file that cannot be read is tried once a row


def test_settings_of_a_model_that_ask_for_much_are_refused(tmp_path):
    make_model(tmp_path)
    whole = watched(partial(use, tmp_path))
    assert whole.told is None
    for file, changes in MODELS.items():
        text = (tmp_path / file).read_text()
        for change in changes:
            values = json.loads(text)
            for name, value in change.items():
                values[name] = values[name] | value if name == "network" else value
            (tmp_path / file).write_text(json.dumps(values))
            found = watched(partial(use, tmp_path))
            assert found.told is not None and found.peak < whole.peak + 150 and found.seconds < 20, (change, found)
        (tmp_path / file).write_text(text)


def test_a_header_of_weights_that_claims_gigabytes_is_refused(tmp_path):
    make_model(tmp_path)
    path = tmp_path / "unet/diffusion_pytorch_model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    first = min(set(header) - {"__metadata__"})
    for change in ({"shape": [10**9, 10**9]}, {"data_offsets": [0, 2**40]}, {"shape": [-1]}, {"dtype": "I64"}):
        text = json.dumps(header | {first: header[first] | change}).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
        assert watched(partial(use, tmp_path)).told is not None, change
    for claimed in (2**34, 2**40, 2**63):
        path.write_bytes(claimed.to_bytes(8, "little") + data[8:])
        assert watched(partial(use, tmp_path)).told is not None


@pytest.fixture
def endless(tmp_path, monkeypatch) -> list[Path]:
    """A pipe, a device, a socket, a folder and a link to itself."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's address is short
        server.bind("socket")
    return [tmp_path / name for name in ("pipe", "zero", "folder", "loop", "socket")]


@pytest.mark.parametrize("name", [*KINDS, "world.tiny"])
def test_what_never_ends_is_refused_by_every_reader(name, tmp_path_factory, endless):
    kind = (KINDS | SETTINGS)[name]
    for path in endless:
        folder = tmp_path_factory.mktemp("kind")
        kind.make(folder)
        (folder / kind.file).unlink()
        (folder / kind.file).symlink_to(path)
        found = watched(partial(kind.read, folder))
        # What is no file is no note beside a clip, and an incomplete shard is told as one that is not there.
        assert found.told is not None or name == "events", path


COMMANDS = (
    "generate {}",
    "generate --joint --model {} --steps 1",
    "generate clip.mp4 --model {}",
    "doctor {}",
    "prepare {} out",
    "prepare {} out --kind manifest",
    "prepare . out --kind epic-sounds --annotations {}",
    "prepare . out --kind aist --ignore {}",
    "train world.tiny --config {} --show",
    "evaluate {} {} --out out",
    "evaluate --data {} --out out",
    "study build page --system a={}",
    "study analyse {} {} --out out",
)


@pytest.mark.parametrize("words", COMMANDS)
def test_what_never_ends_is_refused_by_every_command(words, tmp_path, endless, monkeypatch, capsys):
    (tmp_path / "clip.mp4").touch()
    monkeypatch.chdir(tmp_path)
    for path in endless:
        code = main(words.format(path, path).split())
        out, told = capsys.readouterr()
        if words.startswith("doctor") and code == 1:
            assert out.startswith("unusable"), out
            continue
        assert code == 2 and told.startswith("cmmd: ") and "Traceback" not in told, (path, told)
