"""A procedural world whose every sound event is seen and known to the sample (ours: decision 04)."""
