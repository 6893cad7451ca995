"""The diffusion process, its conditioning in training, and sampling (ours: decision 01)."""
