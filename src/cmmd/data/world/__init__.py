"""A procedural world in which every sound event is visible and known to the sample (ours: decision 04)."""
