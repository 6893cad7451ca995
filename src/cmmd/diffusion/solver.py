"""diffusers' solvers by their short names, and the steps of one of them through a batch (ours)."""

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
"""Called with 1, 2, ... when a step is done."""
CLASSES: dict[Sampler, type] = {
    "ddim": DDIMScheduler,
    "dpm++": DPMSolverMultistepScheduler,
    "unipc": UniPCMultistepScheduler,
    "ddpm": DDPMScheduler,
}


def build_scheduler(sampler: Sampler, scheduler: Scheduler) -> Scheduler:
    """The solver by its short name, on the process that `scheduler` describes."""
    # Latents of our autoencoders are not confined to [-1, 1], to which DDIM and DDPM would clip them.
    options: dict[str, Any] = {"clip_sample": False} if sampler in ("ddim", "ddpm") else {}
    if sampler == "ddpm":  # DPM-Solver++ has a setting of the same name, with other values
        options["variance_type"] = "fixed_small"
    solver = CLASSES[sampler].from_config(scheduler.config, **options)
    assert isinstance(solver, Scheduler)
    return solver


class Solver:
    """The steps of one modality of a batch, from its initial noise to samples.

    What `ddpm` adds at a step is drawn for each item from a generator that follows from its initial noise.
    """

    def __init__(self, sampler: Sampler, scheduler: Scheduler, noise: Float[Tensor, "b c ..."], *, steps: int) -> None:
        self._scheduler = build_scheduler(sampler, scheduler)
        self._scheduler.set_timesteps(steps)
        self._options = {"generator": item_generators(noise, "ddpm")} if sampler == "ddpm" else {}

    def steps(self) -> Iterator[tuple[int, Tensor, float]]:
        """Number, timestep and time t of every step."""
        for step, timestep in enumerate(self._scheduler.timesteps):
            yield step, timestep, float(time_of_timestep(timestep))

    def step(
        self, prediction: Float[Tensor, "b c ..."], timestep: Tensor, x: Float[Tensor, "b c ..."]
    ) -> Float[Tensor, "b c ..."]:
        """x at the next time, from what the network says of it at this one."""
        # diffusers annotates time steps as int and one generator, and takes tensors and a list of them.
        return self._scheduler.step(prediction, timestep, x, return_dict=False, **self._options)[0]  # pyright: ignore
