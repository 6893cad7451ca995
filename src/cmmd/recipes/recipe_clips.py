"""Loads the training clips and the held-out clips of a recipe: world clips or prepared clips (ours)."""

from pathlib import Path
from typing import NamedTuple

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.prepared_clips import MixedClips, PreparedClips
from cmmd.data.preparing.request import Split
from cmmd.data.shards import Index, read_index
from cmmd.data.training_clips import TrainingClips
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.errors import InputError
from cmmd.files.folder_lock import locked
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import sweep
from cmmd.latents.spectrogram import SpectrogramCodec
from cmmd.latents.video_autoencoder import VideoAutoencoder, load_autoencoder, weights_hash
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.training.distributed import Ranks


class RecipeClips(NamedTuple):
    """trained: training clips. held_out: held-out clips with the statistics of the training clips, or None."""

    trained: TrainingClips
    held_out: TrainingClips | None


def recipe_autoencoder(config: CoupledRecipe) -> VideoAutoencoder:
    """The autoencoder of a recipe, in eval mode: the named one; else the one that encoded the prepared clips; else the
    shipped one. Raises InputError if it cannot be loaded."""
    if config.initial.autoencoder is not None:
        return load_autoencoder(config.initial.autoencoder).eval()
    folders = config.clips.prepared.folders
    return load_autoencoder(read_index(Path(folders[0])).settings["autoencoder"] if folders else "shipped").eval()


def recipe_clips(
    config: CoupledRecipe, *, autoencoder: VideoAutoencoder, codec: SpectrogramCodec, folder: Path, ranks: Ranks
) -> RecipeClips:
    """The clips of a recipe, encoded. World clips are cached in `folder` for later runs on the same clips.

    Raises InputError if prepared clips do not fit the settings of the recipe, or if a file of clips is damaged.
    """
    if config.clips.prepared.folders:
        return _prepared(config, weights_hash(autoencoder))
    key = world_key(config.clips.data, geometry=config.geometry, autoencoder=autoencoder, codec=codec)
    encoded = folder / f"clips-{key[:12]}.safetensors"
    with ranks.main_first():
        clips = _encoded_world(config, encoded, key=key, autoencoder=autoencoder, codec=codec)
    held_out = config.clips.held_out
    return RecipeClips(*clips.hold_out(held_out)) if held_out else RecipeClips(clips, None)


def _encoded_world(
    config: CoupledRecipe, path: Path, *, key: str, autoencoder: VideoAutoencoder, codec: SpectrogramCodec
) -> EncodedClips:
    """Load the world clips from `path`, or encode and save them if they are missing or have another key. A lock file
    makes other runs that need the same clips wait."""
    make_folder(path.parent)
    with locked(path.with_name(f".{path.name}.lock"), wait=True):
        sweep(path.parent, path.name)
        clips = EncodedClips.load(path, key=key)
        if clips is None:
            clips = encode_world(config.clips.data, geometry=config.geometry, autoencoder=autoencoder, codec=codec)
            clips.save(path, key=key)
    return clips


def _prepared(config: CoupledRecipe, autoencoder_sha256: str) -> RecipeClips:
    choice = config.clips.prepared
    for folder in choice.folders:
        _require_fit(config, read_index(Path(folder)), Path(folder), autoencoder_sha256)

    def clips(split: Split) -> MixedClips:
        mirror = choice.mirror and split == "train"
        sets = [PreparedClips.open(Path(folder), split=split, mirror=mirror) for folder in choice.folders]
        return MixedClips.of(sets, choice.weights or (1.0,) * len(sets))

    trained = clips("train")
    if not choice.validate:
        return RecipeClips(trained, None)
    known = {"video": trained.video_statistics, "audio": trained.audio_statistics}
    return RecipeClips(trained, clips("validation").standardised_as(**known))


def _require_fit(config: CoupledRecipe, index: Index, folder: Path, autoencoder_sha256: str) -> None:
    """Raise InputError, with every setting that differs and the options that adapt the recipe, if the prepared clips do
    not fit it."""
    settings, geometry = index.settings, index.settings["geometry"]
    names = ("fps", "image_size", "sample_rate", *(("mels",) if config.codec == "log_mel" else ()))
    wanted = {name: getattr(config.geometry, name) for name in names}
    unlike = {name: value for name, value in wanted.items() if geometry[name] != value}
    different = [f"{name} {geometry[name]}, not {value}" for name, value in unlike.items()]
    words = [f"--set geometry.{name}={geometry[name]}" for name in unlike]
    if settings["codec"] != config.codec:
        different.append(f"codec {settings['codec']}, not {config.codec}")
        words.append(f"--set codec={settings['codec']}")
    if settings["autoencoder_sha256"] != autoencoder_sha256:
        different.append("the latents of another autoencoder")
    if geometry["frames"] < config.geometry.frames:
        different.append(f"clips of {geometry['frames']} frames and more, not {config.geometry.frames}")
    if different:
        found = f"clips prepared with {'; '.join(different)}"
        expected = " ".join(["the settings of the recipe", *(["or", *words] if words else [])])
        raise InputError.about(folder, found=found, expected=expected)
