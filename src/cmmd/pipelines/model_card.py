"""The model card of a published model: what it generates, training data, figures and limits (ours)."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import yaml

from cmmd import __version__

if TYPE_CHECKING:
    from cmmd.pipelines.latent_pipeline import LatentPipeline

TAGS = ("cmmd", "video-to-audio", "audio-to-video", "diffusers")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What only the author of a model knows, as Markdown.

    data: what it was trained on, with licences. figures: measured figures, for example the table of `cmmd evaluate`.
    limits: what it cannot do, and uses that are not intended. license: of the weights, an identifier of the hub.

    Raises ValueError for an empty field.
    """

    data: str
    figures: str
    limits: str
    license: str

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name).strip():
                raise ValueError(f"{field.name} of the model card is empty, expected Markdown")

    def markdown(self, pipeline: "LatentPipeline", name: str) -> str:
        """Returns the card of a model that is published as ORG/NAME."""
        geometry = pipeline.geometry
        front = yaml.safe_dump({"license": self.license, "library_name": "cmmd", "tags": list(TAGS)}, sort_keys=False)
        millions = sum(weight.numel() for weight in pipeline.unet.parameters()) / 1e6
        return f"""---
{front}---

# {name}

A coupled U-Net of {millions:.1f} M parameters that generates sound for video, video for sound, or both, at any length:
{geometry.image_size} x {geometry.image_size} pixels at {geometry.fps} frames per second, {geometry.sample_rate} Hz.
Published with CMMD {__version__}.

```python
from cmmd import CMMDPipeline

pipeline = CMMDPipeline.from_pretrained("hub:{name}")
pipeline.video_to_audio("clip.mp4")[0].save("with_sound.mp4")
```

## Training data

{self.data.strip()}

## Figures

{self.figures.strip()}

## Limits

{self.limits.strip()}
"""
