"""A Python whose command runs in a forked process that has imported the package: a module, code or a file.

    python preloaded.py ADDRESS

serves it on a Unix socket. `preloaded_commands` starts that and writes the commands `python` and `cmmd`, which ask it.
"""

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ForkingMixIn, UnixStreamServer

# Without imports of packages: this is what starts in place of Python. It ends as the forked process ends.
CLIENT = """#!{python} -ISs
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([os.getcwd(), dict(os.environ), sys.argv[1:]])
    socket.send_fds(server, [asked.encode() + b"\\n"], [1, 2])
    code = int(server.recv(20) or 1)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def preloaded_commands() -> Iterator[Path]:
    """A folder whose `python` runs what Python runs; output, working directory, environment variables and the way it
    ends are those of Python, and what it runs ends with it. Its `cmmd` is the package's command. One thread each."""
    with tempfile.TemporaryDirectory() as name:  # of a short name, as the address of a socket must be
        folder = Path(name)
        address = str(folder / "socket")
        (folder / "python").write_text(CLIENT.format(python=sys.executable, address=address))
        (folder / "cmmd").write_text(f'#!/bin/sh\nexec {folder}/python -m cmmd "$@"\n')
        for command in ("python", "cmmd"):
            (folder / command).chmod(0o755)
        search = os.pathsep.join(path for path in sys.path if path)
        environment = os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen([sys.executable, __file__, address], env=environment, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None and server.stdout.readline()
            yield folder
        finally:
            server.kill()
            server.communicate()


def run_command(words: list[str]) -> None:
    """As Python does with `-m MODULE WORD...`, `-c CODE WORD...` and `FILE WORD...`."""
    first, *rest = words
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = [first, *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


def run(work: str, variables: dict[str, str], words: list[str], output: list[int]) -> int:
    """Runs the words of a Python command in this process; returns its exit code."""
    code: object = 1
    try:
        os.environ.clear()
        os.environ.update(variables)
        encoding, _, errors = variables.get("PYTHONIOENCODING", "utf-8:surrogateescape").partition(":")
        for stream, descriptor, target in zip(("stdout", "stderr"), output, (1, 2), strict=True):
            os.dup2(descriptor, target)
            handling = "backslashreplace" if target == 2 else errors or "strict"
            setattr(sys, stream, os.fdopen(target, "w", buffering=1, encoding=encoding, errors=handling))
        os.chdir(work)
        run_command([word for word in words if word != "-u"])
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else 1


class Fork(BaseRequestHandler):
    """Runs a command in a child of this process, which is ended if the client ends first."""

    def handle(self) -> None:
        asked, output, _, _ = socket.recv_fds(self.request, 1_000_000, 2)
        while not asked.endswith(b"\n"):
            asked += self.request.recv(1_000_000)
        child = os.fork()
        if not child:
            work, variables, words = json.loads(asked)
            os._exit(run(work, variables, words, output))
        for descriptor in output:
            os.close(descriptor)
        handle = os.pidfd_open(child)
        ready, _, _ = select.select([handle, self.request], [], [])
        if handle not in ready:  # a command that started others ends them before itself
            os.kill(child, signal.SIGTERM)
            if not select.select([handle], [], [], 10)[0]:
                os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(OSError):
            self.request.sendall(str(code).encode())


class Server(ForkingMixIn, UnixStreamServer):
    """A process for each command."""

    request_queue_size = 64


def serve(address: str) -> None:
    with Server(address, Fork) as server:
        print("ready", flush=True)  # to be asked, if not yet to answer
        import cmmd.cli
        import cmmd.evaluation.evaluate
        import cmmd.recipes.coupled_training  # noqa: F401
        from cmmd.recipes import load_recipe, recipe_names

        for name in recipe_names():
            load_recipe(name)
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1])
