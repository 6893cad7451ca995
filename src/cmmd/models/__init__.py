"""The coupled U-Net: one denoiser per modality, and fusion modules that connect the two (paper)."""
