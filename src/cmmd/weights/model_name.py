"""Resolves model names: a folder, the local copy of a hub repository, or a requested download (ours).

Without `hub:` (or `local_files_only=False`) the network is not used: a mistyped folder looks like a name on the hub.
"""

import logging
import re
from pathlib import Path
from typing import Any, TypedDict, Unpack

from cmmd.errors import InputError

LOGGER = logging.getLogger(__name__)
HUB = "hub:"
"""Prefix of a name on the Hugging Face hub: files that are missing on this machine are downloaded."""
SHIPPED = "shipped"
INDEX_FILE = "model_index.json"
DOWNLOADED = ("*.json", "*.safetensors")
"""Patterns of the files of a hub repository that are downloaded: neither pickles nor code."""
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


class HubOptions(TypedDict, total=False):
    """Options of huggingface_hub's `snapshot_download`: used for names on the hub, ignored for folders.
    local_files_only: False requests a download, like the prefix `hub:`."""

    revision: str | None
    cache_dir: str | Path | None
    token: str | bool | None
    local_files_only: bool


def local_folder(name_or_folder: str | Path, **hub_options: Unpack[HubOptions]) -> Path:
    """Returns a folder as it is, or the local copy of a hub repository, which is downloaded first if requested.

    Raises InputError if there is neither; the network is used only for a requested download.
    """
    name = str(name_or_folder)
    asked = name.startswith(HUB) or hub_options.get("local_files_only") is False
    folder = Path(name)
    try:
        if name.strip() and folder.is_dir():
            return folder
        if name.strip() and folder.exists():
            raise InputError.about(folder, found="a file", expected="a model folder")
    except OSError as error:  # the file system rejects the name
        raise InputError.about(f"{name[:60]}...", found=str(error.strerror), expected="a model folder") from error
    hub_name = name.removeprefix(HUB)
    if not HUB_NAME.fullmatch(hub_name):
        found = f"no such folder in {Path.cwd()}" if hub_name.strip() else "an empty name"
        raise InputError.about(f"model {name!r}", found=found, expected=f"a model folder, {SHIPPED}, or {HUB}ORG/NAME")
    return _downloaded(hub_name, hub_options) if asked else _copy(hub_name, hub_options)


def require_index(folder: Path) -> None:
    """Raise InputError for a folder that holds no pipeline."""
    if not (folder / INDEX_FILE).is_file():
        raise InputError(f"{folder}: found no {INDEX_FILE}, expected a folder that cmmd train wrote")


def _copy(name: str, options: HubOptions) -> Path:
    from huggingface_hub import constants, snapshot_download

    cache = options.get("cache_dir") or constants.HF_HUB_CACHE
    others: dict[str, Any] = {key: value for key, value in options.items() if key != "local_files_only"}
    try:
        return Path(snapshot_download(name, local_files_only=True, **others))
    except (OSError, ValueError):
        found = f"no such folder in {Path.cwd()}, nor a model of this name in {cache}"
        expected = f"a model folder, {SHIPPED}, or {HUB}{name} to download it"
        raise InputError.about(f"model {name!r}", found=found, expected=expected) from None


def _downloaded(name: str, options: HubOptions) -> Path:
    from huggingface_hub import errors, snapshot_download

    LOGGER.info("looking for %s on the hub", name)
    others: dict[str, Any] = {key: value for key, value in options.items() if key != "local_files_only"}
    try:
        return Path(snapshot_download(name, allow_patterns=list(DOWNLOADED), **others))
    except errors.HFValidationError:
        found = "no name that the hub could have"
    except errors.RevisionNotFoundError:
        found = f"no revision {options.get('revision')!r} of it on the hub"
    except errors.RepositoryNotFoundError:
        found = "no such model on the hub, or one that needs a token"
    except (OSError, ValueError):  # network errors have many types
        found = "no connection to the hub, and no copy of it on this machine"
    raise InputError.about(f"{HUB}{name}", found=found, expected="ORG/NAME of a model that can be downloaded") from None
