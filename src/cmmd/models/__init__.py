"""The coupled U-Net: two denoisers, one a modality, and the fusion that lets them hear each other (METHOD section 5)."""
