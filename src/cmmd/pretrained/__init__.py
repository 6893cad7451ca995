"""The weights that the project ships, all trained by its own recipes on its own world (docs/results.md)."""

from pathlib import Path

SHIPPED_MODEL = Path(__file__).parent / "world"
"""Folder of the shipped CMMDPipeline."""

VISUAL_EVENT_DETECTOR = Path(__file__).parent / "visual_events"
"""Folder of the detector that reads event times off frames, for `cmmd evaluate`."""
