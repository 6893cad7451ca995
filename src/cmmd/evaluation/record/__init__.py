"""The record of an evaluation and its tables (ours)."""
