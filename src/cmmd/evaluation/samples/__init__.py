"""Clips that an evaluation generates: samples of a model, clips of the procedural world (ours)."""
