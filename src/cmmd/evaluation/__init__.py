"""Measuring what was generated: events heard, events seen, their alignment, their pitch, and pictures of them."""
