"""Hits: the third family of the world, which imitates recordings of objects that strike each other (decision 12)."""
