"""Pairing and measuring of clips, from files to metrics (ours)."""
