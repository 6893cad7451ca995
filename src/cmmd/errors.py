"""The one exception for input that a user can put right (ours)."""

from pathlib import Path


class InputError(ValueError):
    """A file or setting given by the user cannot be used.

    The message is one line that names the file, what was found and what was expected, and that a terminal shows as it
    is; the command line prints it and exits with status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(printable, message.splitlines())))

    @classmethod
    def about(cls, subject: str | Path, *, found: str, expected: str) -> "InputError":
        """The usual sentence; line breaks in file names or library messages are folded away."""
        return cls(" ".join(f"{subject}: found {found}, expected {expected}".split()))


def printable(text: str) -> str:
    """A line in which what moves a cursor, changes colours or is no character, as file names may hold it, is spelt
    out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
