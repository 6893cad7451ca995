"""What is measured on arrays: events heard and seen, their agreement, pitch, distances, intervals."""
