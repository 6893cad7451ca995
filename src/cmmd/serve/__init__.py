"""`cmmd serve`: a page in the browser that generates sound for video, video for sound, or both (ours)."""
