"""Names of models and loading of weights without running code (ours)."""
