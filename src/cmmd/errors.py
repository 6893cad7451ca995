"""The one exception for input that a user can put right (ours)."""

from pathlib import Path


class InputError(ValueError):
    """A file or setting given by the user cannot be used.

    The message is one line that names the file, what was found and what was expected; the command line prints it and
    exits with status 2.
    """

    @classmethod
    def about(cls, subject: str | Path, *, found: str, expected: str) -> "InputError":
        """The usual sentence; line breaks in file names or library messages are folded away."""
        return cls(" ".join(f"{subject}: found {found}, expected {expected}".split()))
