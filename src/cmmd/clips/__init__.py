"""What a clip is, and how clips get in and out of media files."""
