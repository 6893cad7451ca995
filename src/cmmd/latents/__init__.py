"""A clip to latent-spectrogram space and back (paper: the space; ours: the numbers, decision 03)."""
