"""The coupled U-Net: two denoisers, one a modality, and a fusion by which they hear each other (METHOD section 5)."""
