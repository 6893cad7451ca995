"""A Python whose `-m MODULE WORD...` runs in a forked process that has imported the package already.

    python preloaded.py SOCKET

serves it; `preloaded_python` starts that and writes the command `python` for it, for programs that call many.
"""

import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Without imports of packages: this is what starts in place of Python.
CLIENT = """#!{python} -ISs
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [json.dumps([os.getcwd(), sys.argv[1:]]).encode()], [1, 2])
    sys.exit(int(server.recv(20)))
"""


@contextmanager
def preloaded_python(folder: Path) -> Iterator[None]:
    """Within it, `folder/python` runs modules; its output, working directory and exit code are those of Python."""
    with tempfile.TemporaryDirectory() as short:  # a socket's address may not be as long as a folder's name
        address = f"{short}/socket"
        (folder / "python").write_text(CLIENT.format(python=sys.executable, address=address))
        (folder / "python").chmod(0o755)
        search = os.pathsep.join(path for path in sys.path if path)
        words = [sys.executable, __file__, address]
        server = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": search}, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None and server.stdout.readline()
            yield
        finally:
            server.kill()
            server.communicate()


def run_module(work: str, words: list[str], output: list[int]) -> int:
    """Exit code of `-m MODULE WORD...` in a forked process."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code: object = 1
    try:
        for descriptor, target in zip(output, (1, 2), strict=True):
            os.dup2(descriptor, target)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - until the end
        os.chdir(work)
        option, module, *sys.argv[1:] = words
        assert option == "-m"
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def serve(address: str) -> None:
    import cmmd.cli
    import cmmd.evaluation.evaluate
    import cmmd.recipes.coupled_training  # noqa: F401
    from cmmd.recipes import load_recipe, recipe_names

    for name in recipe_names():
        load_recipe(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            with client:
                asked, output, _, _ = socket.recv_fds(client, 100_000, 2)
                work, words = json.loads(asked)
                client.send(str(run_module(work, words, output)).encode())
                for descriptor in output:
                    os.close(descriptor)


if __name__ == "__main__":
    serve(sys.argv[1])
