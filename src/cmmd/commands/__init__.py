"""The commands of `cmmd`, one per file; each imports its implementation when it runs."""
