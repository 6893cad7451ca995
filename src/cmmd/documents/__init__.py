"""Markdown tables and HTML templates (ours)."""
