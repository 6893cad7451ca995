"""Generates many clips into a folder; finished clips are skipped, a record lists the source of each result (ours)."""
