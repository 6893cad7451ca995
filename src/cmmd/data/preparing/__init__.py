"""From media files to shards of encoded clips: where clips come from, how they are cut, encoded and written."""
