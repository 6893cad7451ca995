"""From media files to shards of encoded clips: listing, cutting, encoding and writing clips."""
