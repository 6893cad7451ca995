"""Networks whose embeddings are compared, by name. A new one needs a module in this package and a line below."""

import os
from pathlib import Path

from cmmd.errors import InputError
from cmmd.evaluation.backbones.backbone import Backbone

FOLDER_VARIABLE = "CMMD_BACKBONES"
"""Environment variable with the folder that is searched for the weights of a `NAME` without a path."""
FILES = {
    "YAMNet": "yamnet_torch_fp16.pt",
    "MobileNetV2": "mobilenet_v2_torch_fp16.pt",
    "I3D": "i3d_torchscript.pt",
    "VGGish": "vggish_torchscript.pt",
    "PANNs": "panns_torchscript.pt",
}
NAMES = (*FILES, "CLAP")


def load_backbone(text: str) -> Backbone:
    """Loads a backbone from `NAME=PATH` or `NAME`.

    Raises InputError if the name is unknown, or the file is missing or does not hold the weights of this backbone.
    """
    given, _, weights = text.partition("=")
    name = {known.lower(): known for known in NAMES}.get(given.lower())
    if name is None:
        raise InputError.about("backbone", found=repr(given), expected=", ".join(NAMES))
    if name == "CLAP":
        from cmmd.evaluation.backbones.clap import CLAP

        return CLAP(weights) if weights else CLAP()
    path = Path(weights) if weights else _by_name(name)
    if path.is_dir():
        path /= FILES[name]
    if not path.is_file():
        raise InputError.about(path, found="no file", expected=f"the weights of {name}")
    if name == "YAMNet":
        from cmmd.evaluation.backbones.yamnet import YAMNet

        return YAMNet(path)
    if name == "MobileNetV2":
        from cmmd.evaluation.backbones.mobilenet_v2 import MobileNetV2

        return MobileNetV2(path)
    from cmmd.evaluation.backbones.torchscript import TorchScriptBackbone

    return TorchScriptBackbone(name, path)


def _by_name(name: str) -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        expected = f"{name}=PATH, or {FOLDER_VARIABLE} to name a folder that holds {FILES[name]}"
        raise InputError.about(f"backbone {name}", found="no path", expected=expected)
    return Path(folder) / FILES[name]
