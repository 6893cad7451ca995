"""The coupled U-Net: two denoisers, one a modality, and the fusion by which they hear each other (paper)."""
