"""The process of the `cmmd` command, also `python -m cmmd`: from its first import on Ctrl-C is one line (ours)."""

import os
import sys
from contextlib import suppress

INTERRUPTED = 130
"""Exit code."""


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from cmmd.cli import main

        code = main()
    except KeyboardInterrupt:
        sys.stderr.write("cmmd: interrupted\n")
        code = INTERRUPTED
    if code == INTERRUPTED:  # at once: what is unloaded now could be interrupted again, or change the exit code
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
