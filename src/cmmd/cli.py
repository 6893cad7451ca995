"""The `cmmd` command (ours).

Each command imports its implementation when it runs: `cmmd --help` needs no torch, and the thread settings are applied
before torch is imported.
"""

import io
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

import click

from cmmd import __version__
from cmmd.commands.doctor import doctor
from cmmd.commands.evaluate import evaluate
from cmmd.commands.generate import generate
from cmmd.commands.options import BAD_INPUT
from cmmd.commands.prepare import prepare
from cmmd.commands.serve import serve
from cmmd.commands.study import study
from cmmd.commands.train import train
from cmmd.commands.world import world
from cmmd.errors import InputError
from cmmd.runtime.threads import settle_threads

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 as the command defines it, 2 bad input, 130 interrupted.

    Errors of the input or of a disk are printed as lines that begin with `cmmd: `; any other exception is a defect and
    keeps its traceback. SIGTERM is handled as an interrupt.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_process()
    try:
        return commands.main(words or ["--help"], prog_name="cmmd", standalone_mode=False) or 0
    except (InputError, FloatingPointError) as error:  # the latter: training diverged; the message names the step
        return _refuse(str(error))
    except click.ClickException as error:
        return _refuse(error.format_message())
    except OSError as error:
        where = error.filename or "the output"
        return _refuse(str(InputError.about(where, found=f"an error ({error.strerror})", expected="a working disk")))
    except (KeyboardInterrupt, _Interrupted, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click expects it from a prompt only; here it comes from a file
            raise error.__cause__ from None
        # On a terminal the current line already shows ^C and perhaps a progress bar.
        click.echo("\ncmmd: interrupted" if sys.stderr.isatty() else "cmmd: interrupted", err=True)
        return INTERRUPTED


def _prepare_process() -> None:
    """Configures the process: threads do not spin while they wait, stdout and stderr escape characters that they cannot
    encode, and a scheduler's SIGTERM raises KeyboardInterrupt, so that no file is left half-written."""
    settle_threads()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _refuse(message: str) -> int:
    for line in message.splitlines() or ["bad input"]:
        click.echo(f"cmmd: {line}", err=True)
    return BAD_INPUT


class _Interrupted(Exception):
    """Replaces KeyboardInterrupt inside click, which would print an empty line for it."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None


LOOK = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110}


@click.group(cls=_Commands, context_settings=LOOK)
@click.version_option(__version__, prog_name="cmmd", message="%(prog)s %(version)s")
def commands() -> None:
    """Give a silent clip its sound, a sound its clip, or make both from nothing.

    Example: cmmd generate clip.mp4
    """


for command in (generate, serve, doctor, prepare, train, evaluate, study, world):
    commands.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
