"""Runs units of work in this process or on a Ray cluster (ours: docs/scale.md)."""
