"""A mutant: one planted mistake in the source, and the tests that must fail on it."""

from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Mutant:
    """name: the mistake, in a few words. file: below src/cmmd. old, new: the edit; `old` occurs exactly once.

    tests: test files below tests/, separated by spaces. only: expression for pytest's -k, where the files are slow.
    reason: why no test can tell the mutant from the source; empty for all others, which must be caught.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    only: str = ""
    reason: str = ""

    @property
    def test_files(self) -> list[str]:
        """Relative to the repository."""
        return [f"tests/{name}" for name in self.tests.split()]

    def mutated(self, source: Path = SOURCE) -> str:
        """The file's text with the edit. Raises ValueError where `old` does not occur exactly once."""
        text = (source / "cmmd" / self.file).read_text(encoding="utf-8")
        if (found := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: {self.file} has {found} times {self.old!r}, expected it once")
        return text.replace(self.old, self.new)
