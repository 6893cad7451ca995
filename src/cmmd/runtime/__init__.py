"""Device, processors, threads, worker processes, progress and provenance of a command (ours)."""
