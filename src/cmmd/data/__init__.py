"""Training data: the procedural world, clips encoded in memory or in shards, and the sampling order (ours)."""
