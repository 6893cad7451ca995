"""Lower bounds of the memory of a coupled recipe, to reject sizes with typing errors before memory runs out (ours).

The bounds count only the largest tensors. A recipe that passes may still need more memory than a machine has.
"""

from cmmd.clips.geometry import Geometry
from cmmd.models.network_config import NetworkConfig

MOST_TRAINING = 4 * 10**11
"""Largest size of weights, EMA, gradients and AdamW moments together, in bytes."""
MOST_BATCH = 5 * 10**10
"""Largest size of the widest features of a micro-batch, and of the clips of a global batch, in bytes."""
OF_A_WEIGHT = 20
OF_A_NUMBER = 4


def require_memory(
    network: NetworkConfig, geometry: Geometry, *, batch_size: int, micro_batches: int, bins: int
) -> None:
    """Raise ValueError, with the settings, if training exceeds MOST_TRAINING or a batch exceeds MOST_BATCH."""
    weights = network.weights_at_least * OF_A_WEIGHT
    if weights > MOST_TRAINING:
        raise ValueError(
            f"video_widths {network.video_widths}, audio_widths {network.audio_widths}, blocks_per_level "
            f"{network.blocks_per_level} take {weights / 1e9:.0f} GB in training, expected {MOST_TRAINING / 1e9:.0f}"
        )
    frames, columns = geometry.frames, geometry.spectrogram_frames
    latents = frames * geometry.latent_size**2
    squares = columns * bins // network.patch**2
    features = batch_size // micro_batches * max(latents * network.video_widths[0], squares * network.audio_widths[0])
    clips = batch_size * (latents + columns * bins)
    need = OF_A_NUMBER * max(features, clips)
    if need > MOST_BATCH:
        raise ValueError(
            f"batch_size {batch_size} of {frames} frames, {geometry.image_size} px, in {micro_batches} micro_batches "
            f"takes {need / 1e9:.0f} GB for one tensor, expected {MOST_BATCH / 1e9:.0f} at most"
        )
