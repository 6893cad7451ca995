"""Finds defects in media files before training (ours)."""
