"""Many clips into a folder of results: what is there is skipped, and a record says what was made from what (ours)."""
