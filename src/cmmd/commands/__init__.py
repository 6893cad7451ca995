"""The commands of `cmmd`, one a file; each imports its work when it runs."""
