"""The directions of generation; without torch, because the command line reads it before a model is loaded (ours)."""

from typing import Literal

Direction = Literal["video_to_audio", "audio_to_video", "joint"]
DIRECTIONS: tuple[Direction, ...] = ("video_to_audio", "audio_to_video", "joint")
TRAINING_STEPS = 1000
"""Steps of the noise schedule; a sampler uses a subset of them."""
