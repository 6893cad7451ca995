"""Procedural pictures with the statistics of natural ones (ours: decision 12)."""
