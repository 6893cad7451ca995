"""The report of an evaluation: an HTML page, its tables in Markdown, the paper's figures (ours)."""
