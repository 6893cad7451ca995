"""The report of an evaluation: an HTML page, its tables in Markdown, the paper's figures (ours)."""

from cmmd.evaluation.report.writing import write_report

__all__ = ["write_report"]
