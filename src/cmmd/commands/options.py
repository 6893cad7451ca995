"""Options that several commands share (ours)."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cmmd.diffusion.sampling_config import SamplingConfig
    from cmmd.engines.placement import Engine, Placement

BAD_INPUT = 2
"""Exit code for bad input."""


class Whole(click.IntRange):
    name = "integer"  # in messages and help; click says "integer range"


class Number(click.FloatRange):
    """A finite number in a range: click's own range lets `nan` through."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def _use_threads(ctx: click.Context, param: click.Parameter, count: int | None) -> None:
    if count is not None:
        from cmmd.runtime.threads import use_threads

        use_threads(count)
        ctx.meta[THREADS] = count


THREADS = "cmmd.threads"
"""Key of the number of --threads in the context of a command."""
device_option = click.option("--device", default="cpu", metavar="DEVICE", help="Device: cpu, cuda, cuda:1, mps.")
threads_option = click.option(
    "--threads",
    type=Whole(1, 1024),
    callback=_use_threads,  # runs before torch is imported, which then reads the number
    expose_value=False,
    help="Threads that compute on the CPU.  [default: one per core]",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where the work runs: this process, or the Ray cluster of RAY_ADDRESS (without it: this machine's cores).",
)
ANY_PATH = click.Path(path_type=Path)  # the code that opens it reports a missing file, and what was expected
SEED = Whole(0, 2**31 - 1)


def placement(engine: "Engine", device: str) -> "Placement":
    """Returns where the work of this command runs. A Ray worker has as many threads as --threads says, by default 1,
    and reserves as many CPUs."""
    from cmmd.engines.placement import Placement

    threads: int = click.get_current_context().meta.get(THREADS, 1)
    return Placement(engine=engine, device=device, cpus=threads, threads=threads)


def sampling_config(options: dict[str, Any]) -> "SamplingConfig":
    """Removes the sampling settings from a command's options and returns them."""
    from cmmd.diffusion.sampling_config import SamplingConfig

    names = ("steps", "guidance", "temperature", "contrast", "gradient", "sampler")
    return SamplingConfig(**{name: options.pop(name) for name in names})


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of every command that samples."""
    for option in (
        click.option(
            "--sampler", type=click.Choice(["ddim", "dpm++", "unipc", "ddpm"]), default="unipc", help="Solver."
        ),
        click.option(
            "--gradient", type=Number(0, 100), default=0, help="Reconstruction guidance, for models of one shared time."
        ),
        click.option(
            "--contrast", type=Number(0, 100), default=0, help="Guidance away from wrong timing; not for joint clips."
        ),
        click.option(
            "--temperature",
            type=Number(0, 10),
            help="Factor of the initial noise: less noise, less variety.  [default: that of the model]",
        ),
        click.option("--guidance", type=Number(0, 100), help="Guidance strength.  [default: that of the model]"),
        click.option("--steps", type=Whole(1, 1000), default=25, help="Denoising steps."),
        click.option(
            "--dtype",
            type=click.Choice(["float32", "bfloat16"]),
            default="float32",
            help="Precision of the networks.",
        ),
        threads_option,
        device_option,
    ):
        command = option(command)
    return command
