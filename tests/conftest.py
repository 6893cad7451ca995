"""What every test runs under: checked shapes, one core a process, no downloads, the real clips if there are any."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    import torch

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported, and inherited by the processes that tests start
    os.environ["OMP_NUM_THREADS"] = "1"

# Every annotation of the package, shapes included, is checked while tests run; an int is a float, as type checkers have
# it. Before any test module imports cmmd.
install_import_hook("cmmd", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# The same examples on every run, and no time limit on a shared machine.
settings.register_profile("cmmd", deadline=None, derandomize=True)
settings.load_profile("cmmd")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real media files (clips/, odd/, ...), from CMMD_TEST_DATA."""
    folder = os.environ.get("CMMD_TEST_DATA")
    if not folder:
        pytest.skip("CMMD_TEST_DATA names no folder of real clips")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"CMMD_TEST_DATA: found {folder!r}, expected a folder")
    return path


@pytest.fixture
def generator() -> "torch.Generator":
    """A random generator on the CPU with a fixed seed."""
    import torch

    return torch.Generator().manual_seed(0)
