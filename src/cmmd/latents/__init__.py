"""Conversion of clips to latents and spectrograms and back (paper: the space; ours: the numbers, decision 03)."""
