"""The diffusion process, how training conditions it, and sampling (METHOD section 4)."""
