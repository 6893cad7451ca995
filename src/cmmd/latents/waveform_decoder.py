"""The waveform decoder of a saved model: the vocoder, the magnitude network, or a vocoder of the user (ours: decision
03)."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from cmmd.clips.geometry import Geometry
from cmmd.errors import InputError
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import CodecName, LogMelCodec, SpectrogramCodec, spectrogram_codec
from cmmd.latents.spectrum_vocoder import SpectrumVocoder
from cmmd.latents.upsampling_vocoder import (
    BIG_VGAN,
    HIFI_GAN,
    UpsamplingVocoder,
    check_vocoder,
    load_big_vgan,
    load_hifi_gan,
)
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.weights.model_name import SHIPPED, local_folder
from cmmd.weights.safe_weights import CONFIG, load_model, read_json


def _load_magnitude_network(folder: Path) -> nn.Module:
    return load_model(MagnitudeNetwork, folder)


def _load_spectrum_vocoder(folder: Path) -> nn.Module:
    return load_model(SpectrumVocoder, folder)


WAVEFORM_DECODERS: dict[tuple[str, str], Callable[[Path], nn.Module]] = {
    ("cmmd.latents.magnitude_network", "MagnitudeNetwork"): _load_magnitude_network,
    ("cmmd.latents.spectrum_vocoder", "SpectrumVocoder"): _load_spectrum_vocoder,
    ("diffusers", BIG_VGAN): load_big_vgan,
    ("transformers", HIFI_GAN): load_hifi_gan,
}
"""Loader by library and class."""


def load_waveform_decoder(name_or_folder: str) -> nn.Module:
    """Loads a decoder by hub name or local folder, for inference; `shipped` names that of the shipped model.

    Raises InputError if the folder holds none of `WAVEFORM_DECODERS`.
    """
    folder = SHIPPED_MODEL / "waveform_decoder" if name_or_folder == SHIPPED else local_folder(name_or_folder)
    config = read_json(folder / CONFIG)
    architectures = config.get("architectures")
    name = config.get("_class_name") or (
        architectures[0] if isinstance(architectures, list) and architectures else None
    )
    for (_, known), load in WAVEFORM_DECODERS.items():
        if name == known:
            return load(folder).eval()
    expected = ", ".join(known for _, known in WAVEFORM_DECODERS)
    raise InputError.about(folder / CONFIG, found=f"{name!r:.60}", expected=f"one of {expected}")


def codec_with(decoder: nn.Module | None, name: CodecName, geometry: Geometry) -> SpectrogramCodec:
    """Builds the spectrogram codec of a model, which decodes with `decoder`, or by its own means without one.

    Raises ValueError for a codec without a decoder of its own, a class that is not in `WAVEFORM_DECODERS`, and a
    decoder of other sizes.
    """
    if decoder is None:
        return spectrogram_codec(name, geometry)
    if name != "log_mel":
        raise ValueError(f"a waveform decoder with the codec {name}, expected log_mel")
    kind = type(decoder).__name__
    if isinstance(decoder, MagnitudeNetwork):
        codec = LogMelCodec(geometry, estimator=decoder)
        decoder.check_codec(codec)
        return codec
    if isinstance(decoder, SpectrumVocoder):
        decoder.check_geometry(geometry)
        return LogMelCodec(geometry, vocoder=decoder.decode)
    if kind not in (BIG_VGAN, HIFI_GAN):
        known = ", ".join(known for _, known in WAVEFORM_DECODERS)
        raise ValueError(f"the waveform decoder is a {kind}, expected one of {known}")
    check_vocoder(decoder, geometry)
    return LogMelCodec(geometry, vocoder=UpsamplingVocoder(decoder))
