"""`cmmd generate`: output files, the takes of one clip, named files, folders (ours)."""
