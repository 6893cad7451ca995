"""The layers of the pipeline: latents, takes, model folders; `cmmd.pipeline` is the user's class (ours)."""
