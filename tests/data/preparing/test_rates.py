"""Frame rates, sample rates and bins that `cmmd prepare` takes, what goes together, and training from them."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from made_folder import made_clip
from safetensors import safe_open

from cmmd.cli import main
from cmmd.clips.geometry import Geometry, go_together
from cmmd.latents.spectrogram import ComplexSTFTCodec, LogMelCodec

SHORT = ("--seconds", "0.8", "--shortest", "8", "--workers", "1", "--validation", "0", "--size", "32")


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for number in range(2):
        made_clip(folder / f"{number}.mkv", seconds=0.9, seed=number, clicks=(0.4,))
    return folder


def prepare(media: Path, out: Path, *words: object) -> int:
    return main(["prepare", str(media), str(out), *SHORT, *map(str, words)])


@pytest.mark.parametrize(("fps", "rate"), [(24, 48_000), (25, 16_000), (30, 48_000), (10, 48_000)])
def test_usual_rates_are_prepared(media, tmp_path, fps, rate):
    assert prepare(media, tmp_path / "out", "--fps", fps, "--sample-rate", rate, "--mels", 48) == 0
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["settings"]["geometry"] | {"frames": 8, "image_size": 32} == index["settings"]["geometry"]
    assert [index["settings"]["geometry"][name] for name in ("fps", "sample_rate", "mels")] == [fps, rate, 48]
    with safe_open(tmp_path / "out" / "shard-00000.safetensors", framework="pt") as shard:
        frames = round(0.8 * fps)
        assert shard.get_slice("video.0").get_shape() == [20, frames, 4, 4]
        assert shard.get_slice("audio.0").get_shape() == [1, 48, 8 * frames]


@pytest.mark.parametrize(("fps", "rate"), [(24, 16_000), (30, 16_000), (24, 44_100), (25, 44_100), (7, 44_100)])
def test_what_does_not_go_together_is_told_with_what_does(media, tmp_path, capsys, fps, rate):
    assert prepare(media, tmp_path / "out", "--fps", fps, "--sample-rate", rate) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cmmd: sample_rate {rate} is not a multiple of 8 spectrogram frames times fps {fps}")
    told = line.split("sample rates that go with fps")[1]
    rates, speeds = (part.split(": ")[1] for part in told.split("; fps that go with"))
    assert rates == "no usual one" or all(go_together(fps, int(value)) for value in rates.split(", "))
    assert speeds == "no usual one" or all(go_together(int(value), rate) for value in speeds.split(", "))
    assert ("48000" in rates) == (fps in (24, 25, 30)) and ("no usual one" in speeds) == (rate == 44_100)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codec", [LogMelCodec, ComplexSTFTCodec])
@pytest.mark.parametrize("sizes", [{}, {"fps": 24, "sample_rate": 48_000}, {"sample_rate": 48_000}], ids=str)
def test_every_window_spans_two_hops(codec, sizes):
    made = codec(Geometry(**sizes))
    window = made.window_size if isinstance(made, LogMelCodec) else made.fft_size
    assert window >= 2 * made.geometry.hop
    assert window == 512 or made.geometry.hop > 256  # as clips were encoded that were prepared before


def test_training_has_the_bins_of_what_was_prepared(preloaded, media, tmp_path, capsys):
    """In a folder, and on a terminal, whose encodings differ; from another folder than the shards."""
    prepared = tmp_path / "prepared"
    assert prepare(media, prepared, "--fps", 25, "--mels", 32) == 0
    words = ["train", "folder.cmmd", "--device", "cpu", "--set", f"prepared.folders=[{prepared}]"]
    words += ["--set", "loop.steps=1", "--set", "loop.batch_size=4", "--set", "geometry.frames=8"]
    words += ["--set", "network.video_widths=[8,8,16]", "--set", "network.audio_widths=[8,16,16]"]
    words += ["--set", "network.heads=2", "--set", "network.message_width=8", "--set", "contrastive.weight=0"]
    capsys.readouterr()
    assert main([*words, "--out", str(tmp_path / "refused")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    told = "or --set geometry.fps=25 --set geometry.image_size=32 --set geometry.mels=32"
    assert "fps 25, not 10; image_size 32, not 64; mels 32, not 64" in line and line.endswith(told)
    out = tmp_path / "\N{DRUM WITH DRUMSTICKS}"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    command = [preloaded / "cmmd", *words, *told.removeprefix("or ").split(), "--out", str(out)]
    trained = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (trained.returncode, trained.stderr) == (0, "")
    geometry = json.loads((out / "model" / "model_index.json").read_text())["geometry"]
    assert (geometry["fps"], geometry["image_size"], geometry["mels"]) == (25, 32, 32)


def test_a_relative_autoencoder_is_found_from_another_folder(media, tmp_path, monkeypatch):
    from made_folder import made_autoencoder

    from cmmd.data.shards import read_index
    from cmmd.latents.video_autoencoder import load_autoencoder

    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made_autoencoder(Path("autoencoder"))
    assert prepare(media, tmp_path / "out", "--autoencoder", "autoencoder") == 0
    monkeypatch.chdir(tmp_path / "there")
    load_autoencoder(read_index(tmp_path / "out").settings["autoencoder"])
