"""A procedural world whose every sound event is seen and known to the sample (ours: docs/decisions/04-the-world.md)."""
