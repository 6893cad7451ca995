"""Model folders that may come from anybody: nothing of them runs, and what is not a model is one line."""

import importlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cmmd.cli import main
from cmmd.clips.writing import write_video
from cmmd.data.world.families import world_clip
from cmmd.errors import InputError
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.weights.safe_weights import INDEX, WEIGHTS

BIN = "diffusion_pytorch_model.bin"


class Payload:
    """Unpickling one writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (f"open({str(self.marker)!r}, 'w').close()",)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which the API, the loader and the command refuse a folder."""
    with pytest.raises(InputError) as raised:
        CMMDPipeline.from_pretrained(folder)
    with pytest.raises(InputError):
        load_pipeline(str(folder), device="cpu")
    write_video(np.zeros((4, 64, 64, 3), np.uint8), tmp_path / "clip.mp4", fps=10)
    capsys.readouterr()
    assert main(["generate", str(tmp_path / "clip.mp4"), "--model", str(folder)]) == 2
    message = str(raised.value)
    assert len(message.splitlines()) == 1 and capsys.readouterr().err == f"cmmd: {message}\n"
    return message


@pytest.fixture
def module(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the model folder, which stands on sys.path, that writes `marker` when it is imported."""
    code = f"open({str(tmp_path / 'marker')!r}, 'w').close()\nclass CoupledUNet: pass\nclass CMMDPipeline: pass\n"
    for place in (model_folder, model_folder / "unet"):
        (place / "foreign.py").write_text(code)
    monkeypatch.syspath_prepend(model_folder)
    return "foreign"


@pytest.mark.parametrize("component", ["unet", "video_autoencoder", "scheduler", "another"])
def test_a_module_that_the_index_names_is_not_imported(component, model_folder, module, tmp_path, capsys):
    change(model_folder / "model_index.json", **{component: [module, "CoupledUNet"]})
    assert "model_index.json" in refused(model_folder, tmp_path, capsys)
    assert not (tmp_path / "marker").exists() and module not in sys.modules
    importlib.import_module(module)  # it would have worked
    assert (tmp_path / "marker").exists()
    sys.modules.pop(module)


@pytest.mark.parametrize("name", ["Foreign", ["foreign", "CMMDPipeline"], None])
def test_a_pipeline_class_of_the_folder_is_not_imported(name, model_folder, module, tmp_path, capsys):
    change(model_folder / "model_index.json", _class_name=name)
    (model_folder / "pipeline.py").write_text((model_folder / "foreign.py").read_text())
    assert "expected 'CMMDPipeline'" in refused(model_folder, tmp_path, capsys)
    assert not (tmp_path / "marker").exists()


def test_code_beside_a_model_is_not_run(model_folder, module, tmp_path):
    for name in ("pipeline.py", "unet/coupled_unet.py", "unet/unet.py"):
        (model_folder / name).write_text((model_folder / "foreign.py").read_text())
    change(model_folder / "unet/config.json", auto_map={"AutoModel": "foreign.CoupledUNet"})
    CMMDPipeline.from_pretrained(model_folder)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("component", ["unet", "video_autoencoder"])
@pytest.mark.parametrize("name", [BIN, WEIGHTS, "part.bin"])
def test_a_pickle_is_not_opened(component, name, model_folder, tmp_path, capsys):
    """In the place of the weights, under their name, and as a part that an index of weights names."""
    folder = model_folder / component
    (folder / WEIGHTS).unlink()
    (folder / name).write_bytes(pickle.dumps(Payload(tmp_path / "marker")))
    if name == "part.bin":
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"weight": name}}))
    message = refused(model_folder, tmp_path, capsys)
    assert component in message and (name == WEIGHTS or name in message)
    if component == "video_autoencoder":
        with pytest.raises(InputError):
            load_autoencoder(str(folder))
    assert not (tmp_path / "marker").exists()
    pickle.loads((folder / name).read_bytes())  # it would have worked
    assert (tmp_path / "marker").exists()


def test_a_pickle_beside_the_weights_is_left_alone(model_folder, tmp_path):
    (model_folder / "unet" / BIN).write_bytes(pickle.dumps(Payload(tmp_path / "marker")))
    CMMDPipeline.from_pretrained(model_folder)
    assert not (tmp_path / "marker").exists()


def test_an_index_of_weights_names_files_beside_it_only(model_folder, tmp_path, capsys):
    folder = model_folder / "unet"
    (folder / WEIGHTS).rename(tmp_path / WEIGHTS)
    names = list(load_file(tmp_path / WEIGHTS))
    for place in (f"../../{WEIGHTS}", str(tmp_path / WEIGHTS), "missing.safetensors"):
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, place)}))
        assert "safetensors files beside it" in refused(model_folder, tmp_path, capsys)


def test_weights_in_several_files_load(pipeline, model_folder):
    pipeline.unet.save_pretrained(model_folder / "unet", max_shard_size="50KB")
    (model_folder / "unet" / WEIGHTS).unlink(missing_ok=True)
    assert (model_folder / "unet" / INDEX).exists()
    loaded = CMMDPipeline.from_pretrained(model_folder)
    for name, tensor in pipeline.unet.state_dict().items():
        assert torch.equal(tensor, loaded.unet.state_dict()[name])


@pytest.mark.parametrize("component", ["unet", "video_autoencoder"])
@pytest.mark.parametrize("change_tensors", ["missing", "unknown", "other shape"])
def test_every_tensor_must_be_there_once(component, change_tensors, model_folder, tmp_path, capsys):
    path = model_folder / component / WEIGHTS
    tensors = load_file(path)
    first = sorted(tensors)[0]
    if change_tensors == "missing":
        del tensors[first]
    elif change_tensors == "unknown":
        tensors["foreign.weight"] = torch.zeros(3)
    else:
        tensors[first] = torch.zeros(3, 3, 3)
    save_file(tensors, path, metadata={"format": "pt"})
    message = refused(model_folder, tmp_path, capsys)
    told = {"missing": f"the weights lack {first}", "unknown": "the weights hold the unknown foreign.weight"}
    assert component in message and told.get(change_tensors, "") in message


@pytest.mark.parametrize(
    ("file", "values", "told"),
    [
        ("unet/config.json", {"_class_name": "UNet2DModel"}, "expected CoupledUNet"),
        ("video_autoencoder/config.json", {"_class_name": "AutoencoderKL"}, "expected AutoencoderTiny"),
        ("scheduler/scheduler_config.json", {"_class_name": "PNDMScheduler"}, "expected DDIMScheduler"),
        ("scheduler/scheduler_config.json", {"trained_betas": "none"}, "expected the settings of a scheduler"),
        ("unet/config.json", {"quantization_config": {"quant_method": "gguf"}}, "found quantization_config"),
        ("unet/config.json", {"network": {"video_widths": [3]}}, "differ in number of levels"),
        ("model_index.json", {"video_autoencoder": ["diffusers", "AutoencoderDC"]}, "expected one of diffusers.Auto"),
        ("model_index.json", {"unet": [None, None]}, "found unet [None, None]"),
        ("model_index.json", {"unet": "CoupledUNet"}, "found unet 'CoupledUNet'"),
        ("model_index.json", {"geometry": {"fps": 7}}, "expected geometry and statistics"),
        ("model_index.json", {"geometry": {"speed": 7}}, "expected geometry and statistics"),
        ("model_index.json", {"geometry": 3}, "expected geometry and statistics"),
        ("model_index.json", {"statistics": {}}, "expected geometry and statistics"),
        (
            "model_index.json",
            {"temperature": {"speed": 1}},
            "found temperature {'speed': 1} instead of numbers for video_to_audio",
        ),
        (
            "model_index.json",
            {"temperature": {"joint": 11}},
            "joint: temperature is 11, expected a number from 0 to 10",
        ),
        ("model_index.json", {"codec": "mp3"}, "expected geometry and statistics"),
    ],
)
def test_a_folder_that_contradicts_itself_is_refused(file, values, told, model_folder, tmp_path, capsys):
    change(model_folder / file, **values)
    assert told in refused(model_folder, tmp_path, capsys)


@pytest.mark.parametrize("content", ["", "[]", "{", "3"])
@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_a_file_that_is_no_json_object_is_refused(file, content, model_folder, tmp_path, capsys):
    (model_folder / file).write_text(content)
    assert Path(file).name in refused(model_folder, tmp_path, capsys)


@pytest.mark.parametrize("name", ["unet", "scheduler", "geometry", "codec", "statistics"])
def test_what_the_index_lacks_is_named(name, model_folder, tmp_path, capsys):
    index = json.loads((model_folder / "model_index.json").read_text())
    del index[name]
    (model_folder / "model_index.json").write_text(json.dumps(index))
    assert f"found no {name}" in refused(model_folder, tmp_path, capsys)


def test_a_component_that_is_missing_is_named(model_folder, tmp_path, capsys):
    for file in (model_folder / "unet").iterdir():
        file.unlink()
    assert "found no config.json" in refused(model_folder, tmp_path, capsys)


MISUSE = """
import torch
from cmmd import CMMDPipeline

def told(call):
    try:
        call()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")

told(lambda: CMMDPipeline.from_pretrained("shipped", dtypes=1))
told(lambda: CMMDPipeline.from_pretrained(dtype="float16"))
told(lambda: CMMDPipeline.from_pretrained(dtype=torch.int8))
told(lambda: CMMDPipeline.from_pretrained(dtype=torch.float16, torch_dtype=torch.bfloat16))
pipeline = CMMDPipeline.from_pretrained("shipped", dtype=torch.bfloat16)
told(lambda: pipeline.video_to_audio("scene.mp4", seconds=3))
told(lambda: pipeline.video_to_audio("scene.mp4", keep=(0.0, 0.8)))
told(lambda: pipeline.video_to_audio("scene.mp4", keep=[(0.5,)]))
"""


def test_misuse_is_told_in_a_line_and_use_is_quiet(preloaded, tmp_path):
    """In a process without checked annotations, as users run it."""
    clip = world_clip("impacts", 1)
    write_video(clip.frames, tmp_path / "scene.mp4", fps=10, waveform=clip.waveform, sample_rate=16000)
    run = subprocess.run([preloaded / "python", "-c", MISUSE], capture_output=True, text=True, cwd=tmp_path)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "TypeError: found the unknown option 'dtypes', expected some of dtype, torch_dtype, revision, cache_dir, token,"
        " local_files_only",
        "ValueError: dtype is 'float16', expected a floating one, such as torch.bfloat16",
        "ValueError: dtype is torch.int8, expected a floating one, such as torch.bfloat16",
        "ValueError: dtype is torch.float16 and torch_dtype torch.bfloat16, expected one of them",
        "TypeError: found the unknown setting 'seconds', expected some of steps, guidance, guided_above, temperature, "
        "contrast, gradient, sampler",
        "InputError: keep: found 0.0, expected pairs of seconds, such as [(0.0, 0.8)]",
        "InputError: keep: found (0.5,), expected pairs of seconds, such as [(0.0, 0.8)]",
    ]
