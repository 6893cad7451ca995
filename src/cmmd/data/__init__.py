"""Clips for training: the procedural world, and encoded clips with their order (ours)."""
