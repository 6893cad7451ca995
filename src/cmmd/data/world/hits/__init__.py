"""Hits: the third family of the world, made to look and sound like recordings of things that strike (decision 12)."""
