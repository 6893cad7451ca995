"""Names of models: what is not there is told in a line, without the network, unless `hub:` asks for a download."""

import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors

from cmmd.errors import InputError
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.weights.model_name import DOWNLOADED, local_folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The calls of the hub's client, which has a copy of org/here and can download org/there."""
    calls = []

    def snapshot(name, *, local_files_only=False, **options):
        calls.append((name, local_files_only, options))
        if name == "org/here" or (name == "org/there" and not local_files_only):
            return str(tmp_path)
        raise errors.LocalEntryNotFoundError("To enable repo look-ups and downloads, pass local_files_only=False")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    return calls


WRONG = [
    ("no/such/model/with/slashes", "found no such folder in"),
    ("", "found an empty name"),
    ("  ", "found an empty name"),
    ("a b", "found no such folder in"),
    ("a\nb", "found no such folder in"),
    ("hub:a b", "found no such folder"),
    ("hub:", "found an empty name"),
    ("org/name", "or hub:org/name to download it"),
    ("runs/modle", "nor a model of this name in"),
    ("x" * 5000, "expected a model folder"),
]


@pytest.mark.parametrize(("name", "told"), WRONG, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("load", [local_folder, load_autoencoder, CMMDPipeline.from_pretrained])
def test_a_mistyped_name_is_one_line_and_asks_nobody(hub, name, told, load):
    with pytest.raises(InputError) as caught:
        load(name)
    line = str(caught.value)
    assert told in line and "\n" not in line and len(line) < 400
    assert "local_files_only" not in line and "HFValidationError" not in line
    assert all(local for _, local, _ in hub)


def test_a_file_is_no_model(hub, tmp_path):
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(InputError, match="found a file, expected a model folder"):
        local_folder(tmp_path / "weights.safetensors")


def test_a_copy_on_this_machine_is_taken_without_the_network(hub, tmp_path):
    assert local_folder("org/here", revision="v1") == tmp_path
    assert hub == [("org/here", True, {"revision": "v1"})]


@pytest.mark.parametrize(("name", "options"), [("hub:org/there", {}), ("org/there", {"local_files_only": False})])
def test_a_download_is_asked_for(hub, tmp_path, name, options):
    assert local_folder(name, **options) == tmp_path
    assert hub == [("org/there", False, {"allow_patterns": list(DOWNLOADED)})]


def of_the_hub(kind: type[Exception]) -> Exception:
    """Without the answer of a server, which its __init__ asks for."""
    return kind.__new__(kind, "Client Error: pass local_files_only=False")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.HFValidationError("Repo id must be in the form"), "no name that the hub could have"),
        (of_the_hub(errors.RepositoryNotFoundError), "no such model on the hub"),
        (of_the_hub(errors.RevisionNotFoundError), "no revision 'v9'"),
        (errors.LocalEntryNotFoundError("pass local_files_only=False"), "no connection to the hub"),
        (errors.OfflineModeIsEnabled("offline"), "no connection to the hub"),
        (ConnectionError("refused\nagain"), "no connection to the hub"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_goes_wrong_with_a_download_is_told_in_our_words(monkeypatch, error, told):
    def snapshot(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(InputError) as caught:
        local_folder("hub:org/name", revision="v9")
    assert str(caught.value).startswith("hub:org/name: found ") and told in str(caught.value)
    assert "local_files_only" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_mistyped_model_or_device_loads_nothing(monkeypatch, tmp_path, model_folder):
    monkeypatch.setattr(CMMDPipeline, "from_pretrained", lambda *_: pytest.fail("the model was loaded"))
    for model, device in (("no/such", "cpu"), (str(tmp_path), "cpu"), (str(model_folder), "cuda:99"), (None, "meta")):
        with pytest.raises(InputError):
            load_pipeline(model, device=device)


def test_loading_says_nothing(model_folder: Path):
    """With every warning on; and the library's logger has a handler, so that logging writes nothing by itself."""
    code = "import sys, logging, cmmd\ncmmd.CMMDPipeline.from_pretrained(sys.argv[1])\n"
    code += "assert logging.getLogger('cmmd').handlers\nlogging.getLogger('cmmd.pipeline').warning('not written')"
    command = [sys.executable, "-W", "default::UserWarning", "-c", code, str(model_folder)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert (process.stdout, process.stderr) == ("", "")
