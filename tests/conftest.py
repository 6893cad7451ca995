"""What every test runs under: checked shapes, one core a process, no downloads, the real clips if there are any."""

import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import jaxtyping
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    import torch
    from playwright.sync_api import Browser

    from cmmd.pipeline import CMMDPipeline

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported, and inherited by the processes that tests start
    os.environ["OMP_NUM_THREADS"] = "1"

# Every annotation of the package, shapes included, is checked while tests run. Before any test module imports cmmd.
sys.path.insert(0, str(Path(__file__).parent / "checks"))
from checked_once import jaxtyped_at_first
from preloaded import preloaded_commands

jaxtyping.jaxtyped = jaxtyped_at_first
install_import_hook("cmmd", "checked_once.checked_once")

# Worker processes start as copies of one that has imported what they all need.
multiprocessing.set_forkserver_preload(["__main__", "cmmd.clips.reading", "cmmd.data.world.families"])

# The same examples on every run, and no time limit on a shared machine.
settings.register_profile("cmmd", deadline=None, derandomize=True)
settings.load_profile("cmmd")


def pytest_configure(config: pytest.Config) -> None:
    """Processes among which tests are divided use the same preloaded commands, by a variable that they inherit."""
    if config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        running = ExitStack()
        os.environ["CMMD_TEST_COMMANDS"] = str(running.enter_context(preloaded_commands()))
        config.add_cleanup(running.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's chromium, driven by playwright. Skips without either."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


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


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Path]:
    """A folder with the commands `python` and `cmmd`, which do not import the package anew each time."""
    shared = os.environ.get("CMMD_TEST_COMMANDS")
    with nullcontext(Path(shared)) if shared else preloaded_commands() as folder:
        yield folder


@pytest.fixture
def generator() -> "torch.Generator":
    """A random generator on the CPU with a fixed seed."""
    import torch

    return torch.Generator().manual_seed(0)


def small_pipeline(
    *,
    clean_hears: bool = False,
    shared_time: bool = False,
    levels: tuple[float, float] | None = None,
    **sizes: int,
) -> "CMMDPipeline":
    """A model of random weights, none of them zero, whose statistics are not the identity; sizes: of its geometry."""
    import torch

    from cmmd.clips.geometry import Geometry
    from cmmd.data.statistics import Statistics
    from cmmd.latents.small_autoencoder import small_autoencoder
    from cmmd.models.coupled_unet import CoupledUNet
    from cmmd.models.network_config import NetworkConfig
    from cmmd.pipeline import CMMDPipeline

    torch.manual_seed(0)
    network = NetworkConfig(
        video_widths=(8, 8, 16),
        audio_widths=(8, 16, 16),
        message_width=8,
        heads=2,
        clean_hears=clean_hears,
        shared_time=shared_time,
    )
    geometry = Geometry(**sizes)
    unet = CoupledUNet(network=network, latent_size=geometry.latent_size, mels=geometry.mels)
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return CMMDPipeline.assemble(
        unet=unet,
        video_autoencoder=small_autoencoder(),
        geometry=geometry,
        codec="log_mel",
        video_statistics=Statistics(mean=(0.3, -0.2, 0.1, 0.5), std=(0.5, 2.0, 1.5, 0.7)),
        audio_statistics=Statistics(mean=(-2.0,), std=(1.5,)),
        levels=levels,
    )


@pytest.fixture(scope="session")
def pipeline() -> "CMMDPipeline":
    """Shared: a test must leave it as it is."""
    return small_pipeline()


@pytest.fixture(scope="session")
def pipeline_of_sizes() -> "Callable[..., CMMDPipeline]":
    """Makes one of another geometry, see `small_pipeline`."""
    return small_pipeline


@pytest.fixture(scope="session")
def hearing_pipeline() -> "CMMDPipeline":
    """A model whose clean condition hears what is generated."""
    return small_pipeline(clean_hears=True)


@pytest.fixture(scope="session")
def shared_time_pipeline() -> "CMMDPipeline":
    """The baseline: a model that knows one time for both modalities."""
    return small_pipeline(shared_time=True)


@pytest.fixture
def model_folder(pipeline: "CMMDPipeline", tmp_path: Path) -> Path:
    """The model in a folder that a test may change."""
    pipeline.save_pretrained(tmp_path / "model")
    return tmp_path / "model"
