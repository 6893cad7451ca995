"""Entry point of `cmmd` and `python -m cmmd`: Ctrl-C prints one line, also during imports (ours)."""

import os
import sys
from contextlib import suppress

INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM."""


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from cmmd.cli import main

        code = main()
    except KeyboardInterrupt:
        sys.stderr.write("cmmd: interrupted\n")
        code = INTERRUPTED
    if code == INTERRUPTED:  # exit at once: a normal shutdown could be interrupted again, or change the exit code
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
