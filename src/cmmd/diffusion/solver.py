"""Short names of diffusers' solvers, and the solver steps of a batch (ours)."""

from collections.abc import Callable, Iterator
from typing import Any

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.item_noise import item_generators
from cmmd.diffusion.process import time_of_timestep
from cmmd.diffusion.sampling_config import Sampler

Scheduler = DDIMScheduler | DDPMScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler
OnStep = Callable[[int], None]
"""Called with 1, 2, ... after each step."""
CLASSES: dict[Sampler, type] = {
    "ddim": DDIMScheduler,
    "dpm++": DPMSolverMultistepScheduler,
    "unipc": UniPCMultistepScheduler,
    "ddpm": DDPMScheduler,
}


def build_scheduler(sampler: Sampler, scheduler: Scheduler) -> Scheduler:
    """Builds the solver with a short name, for the process that `scheduler` defines."""
    # DDIM and DDPM would clip to [-1, 1], and the latents of our autoencoders exceed this range.
    options: dict[str, Any] = {"clip_sample": False} if sampler in ("ddim", "ddpm") else {}
    if sampler == "ddpm":  # DPM-Solver++ has a setting with this name but other values
        options["variance_type"] = "fixed_small"
    solver = CLASSES[sampler].from_config(scheduler.config, **options)
    assert isinstance(solver, Scheduler)
    return solver


class Solver:
    """The solver steps of one modality of a batch, from its initial noise to samples.

    `ddpm` draws the noise of each step from one generator per item, seeded by the item's initial noise.
    """

    def __init__(self, sampler: Sampler, scheduler: Scheduler, noise: Float[Tensor, "b c ..."], *, steps: int) -> None:
        self._scheduler = build_scheduler(sampler, scheduler)
        self._scheduler.set_timesteps(steps)
        self._options = {"generator": item_generators(noise, "ddpm")} if sampler == "ddpm" else {}

    def steps(self) -> Iterator[tuple[int, Tensor, float]]:
        """Yields index, timestep and time t of every step."""
        for step, timestep in enumerate(self._scheduler.timesteps):
            yield step, timestep, float(time_of_timestep(timestep))

    def step(
        self, prediction: Float[Tensor, "b c ..."], timestep: Tensor, x: Float[Tensor, "b c ..."]
    ) -> Float[Tensor, "b c ..."]:
        """Returns x at the next time, from the network's prediction at this one."""
        # diffusers annotates an int timestep and a single generator, but accepts a tensor and a list of generators.
        return self._scheduler.step(prediction, timestep, x, return_dict=False, **self._options)[0]  # pyright: ignore
