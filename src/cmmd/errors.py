"""The exception for input that the user can correct (ours)."""

from pathlib import Path


class InputError(ValueError):
    """A file or setting given by the user cannot be used.

    The message, usually one line, names the file, what was found and what was expected; unprintable characters are
    escaped. The command line prints it and exits with status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(printable, message.splitlines())))

    @classmethod
    def about(cls, subject: str | Path, *, found: str, expected: str) -> "InputError":
        """Builds the standard message on one line; line breaks in file names or library messages become spaces."""
        return cls(" ".join(f"{subject}: found {found}, expected {expected}".split()))


def printable(text: str) -> str:
    """Returns the line with unprintable characters escaped. File names may contain characters that move the cursor or
    change colours, and bytes that are not text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
