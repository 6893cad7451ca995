"""Reading of untrusted files, writing of complete files and folders, settings (ours)."""
