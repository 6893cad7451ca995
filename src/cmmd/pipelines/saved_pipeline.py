"""A pipeline as a folder or a repository on the Hugging Face hub: assembled, loaded and published (ours)."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar, Unpack

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from huggingface_hub import HfApi
from torch import nn

from cmmd.clips.geometry import Geometry
from cmmd.data.statistics import Statistics
from cmmd.diffusion.process import PredictionType, scheduler_config
from cmmd.diffusion.sampling_config import UsualGuidance, UsualTemperature
from cmmd.files.foreign_files import reading
from cmmd.latents.level import Levels
from cmmd.latents.video_autoencoder import VideoAutoencoder
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.pipelines.latent_pipeline import LatentPipeline
from cmmd.pipelines.model_card import ModelCard
from cmmd.pipelines.model_folder import load_model_folder
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.weights.model_name import INDEX_FILE, SHIPPED, HubOptions, local_folder
from cmmd.weights.safe_weights import quiet_diffusers

Pipeline = TypeVar("Pipeline", bound="SavedPipeline")
"""The class that is assembled or loaded; typing.Self cannot be checked at run time."""


class SavedPipeline(LatentPipeline):
    """Adds to the networks of a model how they are put together, loaded and published."""

    @classmethod
    def assemble(
        cls: type[Pipeline],
        *,
        unet: CoupledUNet,
        video_autoencoder: VideoAutoencoder,
        geometry: Geometry,
        codec: str,
        video_statistics: Statistics,
        audio_statistics: Statistics,
        prediction_type: PredictionType = "v_prediction",
        guidance: UsualGuidance | None = None,
        temperature: UsualTemperature | None = None,
        levels: Levels | None = None,
        waveform_decoder: nn.Module | None = None,
    ) -> Pipeline:
        """Builds a pipeline from trained components, in evaluation mode.

        guidance, temperature: values used where the user gives none. levels: range of the levels of the training
        sounds; given sounds are scaled into it. waveform_decoder: one of latents/waveform_decoder.py, which decodes
        log-mel in place of Griffin-Lim alone. Raises ValueError for components that do not fit together.
        """
        # diffusers would save the path from which the autoencoder was loaded on the training machine.
        video_autoencoder.register_to_config(_name_or_path="")
        return cls(
            unet=unet.eval(),
            video_autoencoder=video_autoencoder.eval(),
            scheduler=DDIMScheduler(clip_sample=False, **scheduler_config(prediction_type)),
            geometry=asdict(geometry),
            codec=codec,
            statistics={
                name: asdict(part) for name, part in (("video", video_statistics), ("audio", audio_statistics))
            },
            guidance=asdict(guidance or UsualGuidance()),
            temperature=asdict(temperature or UsualTemperature()),
            levels=levels,
            waveform_decoder=waveform_decoder and waveform_decoder.eval(),
        )

    @classmethod
    def from_pretrained(
        cls: type[Pipeline],
        name_or_folder: str | Path | None = None,
        *,
        dtype: torch.dtype | None = None,
        torch_dtype: torch.dtype | None = None,
        **hub_options: Unpack[HubOptions],
    ) -> Pipeline:
        """Loads a model from a folder or from the Hugging Face hub.

        Without a name, or with `shipped`, loads the shipped model. `hub:ORG/NAME` downloads the files that are missing
        on this machine. Reads safetensors only and runs no code of the folder. dtype (torch_dtype is its older name):
        dtype of the networks, float32 by default.

        Raises InputError if the folder or name is not a model of this project, TypeError for an unknown option,
        ValueError if the two dtypes differ or one is not a floating-point dtype.
        """
        unknown = [name for name in hub_options if name not in HubOptions.__annotations__]
        if unknown:
            known = ", ".join(("dtype", "torch_dtype", *HubOptions.__annotations__))
            raise TypeError(f"found the unknown option {unknown[0]!r}, expected some of {known}")
        dtype = _one_dtype(dtype, torch_dtype)
        name = SHIPPED if name_or_folder is None else name_or_folder
        folder = SHIPPED_MODEL if name == SHIPPED else local_folder(name, **hub_options)
        components = load_model_folder(folder)
        with reading(folder / INDEX_FILE, expected="geometry and statistics"):
            pipeline = cls(
                components.unet,
                components.video_autoencoder,
                components.scheduler,
                waveform_decoder=components.waveform_decoder,
                **components.values,
            )
        with quiet_diffusers():
            return pipeline if dtype is None else pipeline.to(dtype)

    def push_to_hub(  # pyright: ignore[reportIncompatibleMethodOverride] - diffusers' writes an empty card
        self,
        repo_id: str,
        card: ModelCard,
        *,
        commit_message: str = "Upload model",
        private: bool | None = None,
        token: str | None = None,
    ) -> str:
        """Uploads the model with its card to the Hugging Face hub. Returns the address of the commit.

        repo_id: ORG/NAME, created if it does not exist; private: applies only to a repository that is created.
        """
        api = HfApi(token=token)
        name = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            Path(folder, "README.md").write_text(card.markdown(self, name), encoding="utf-8")
            return api.upload_folder(repo_id=name, folder_path=folder, commit_message=commit_message)


def _one_dtype(dtype: object, torch_dtype: object) -> torch.dtype | None:
    """Returns the dtype that is given, or None. Raises ValueError if both are given and differ, and for a value that
    is not a floating-point dtype."""
    given = {found for found in (dtype, torch_dtype) if found is not None}
    if len(given) > 1:
        raise ValueError(f"dtype is {dtype} and torch_dtype {torch_dtype}, expected one of them")
    for found in given:
        if not isinstance(found, torch.dtype) or not found.is_floating_point:
            raise ValueError(f"dtype is {found!r}, expected a floating one, such as torch.bfloat16")
        return found
    return None
