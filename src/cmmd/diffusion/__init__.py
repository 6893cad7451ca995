"""The diffusion process, how training conditions it, and sampling (ours: decision 01)."""
