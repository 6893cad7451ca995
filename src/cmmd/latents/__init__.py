"""A clip to latent-spectrogram space and back (paper: the space; METHOD section 3: the numbers)."""
