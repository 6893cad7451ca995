"""Claims about tables: they are Markdown, and line up."""

from cmmd.documents.markdown import markdown_table


def test_a_table_lines_up_whatever_its_cells() -> None:
    assert markdown_table([("a long name", "1"), ("b", "22")], head=("", "n")).splitlines() == [
        "|             | n  |",
        "| ----------- | -- |",
        "| a long name | 1  |",
        "| b           | 22 |",
    ]
