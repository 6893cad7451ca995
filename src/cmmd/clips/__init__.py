"""Clips: their representation, and reading and writing them as media files."""
