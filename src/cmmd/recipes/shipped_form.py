"""Writes trained networks in the form in which the project ships them: `python -m cmmd.recipes.shipped_form` (ours).

A run keeps some networks in single precision. The shipped model is in half precision throughout.
"""

import shutil
from pathlib import Path

import click
import torch

from cmmd.errors import InputError
from cmmd.files.unfinished_folder import atomic_folder
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.pipeline import CMMDPipeline
from cmmd.pretrained import SHIPPED_MODEL, VISUAL_EVENT_DETECTOR


def write_shipped_form(model: Path, detector: Path, out: Path) -> None:
    """Writes the two folders of `cmmd/pretrained` into `out`: the model in half precision, and the detector as it is.

    Raises InputError if one of them cannot be loaded, or `out` cannot be written.
    """
    load_visual_event_detector(detector)
    pipeline = CMMDPipeline.from_pretrained(model, dtype=torch.float16)
    with atomic_folder(out) as temporary:
        pipeline.save_pretrained(temporary / SHIPPED_MODEL.name)
        shutil.copytree(detector, temporary / VISUAL_EVENT_DETECTOR.name)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("detector", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(model: Path, detector: Path, out: Path) -> None:
    """Write MODEL and DETECTOR, the results of two runs, into OUT in the form in which they are shipped."""
    try:
        write_shipped_form(model, detector, out)
    except InputError as error:
        raise click.BadParameter(str(error)) from None
    size = sum(file.stat().st_size for file in out.rglob("*.safetensors"))
    click.echo(f"{out}: {size / 1e6:.1f} MB of weights")


if __name__ == "__main__":
    main()
