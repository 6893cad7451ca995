"""Measures on arrays: events in sound and video, their agreement, pitch, distances, confidence intervals."""
