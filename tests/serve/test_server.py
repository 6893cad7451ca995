"""The command: its options reach the server; a taken port and a missing gradio are a line; a removed file is a 404."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cmmd.cli import main
from cmmd.errors import InputError
from cmmd.measures.seen_events import UNKNOWN_BELOW
from cmmd.serve import server
from cmmd.serve.limits import Limits
from cmmd.serve.server import AnswerMiddleware, ServeOptions, free_port


def test_without_options_the_page_is_for_this_machine_only(monkeypatch):
    calls = []
    monkeypatch.setattr(server, "serve", calls.append)
    assert main(["serve"]) == 0
    assert calls == [ServeOptions()]
    assert (calls[0].host, calls[0].limits) == ("127.0.0.1", Limits(upload_megabytes=200, seconds=60, queue=8))


def test_every_option_reaches_the_server(monkeypatch):
    calls = []
    monkeypatch.setattr(server, "serve", calls.append)
    line = "serve --model m --host 0.0.0.0 --port 0 --max-upload 5 --max-seconds 2.5 --queue 0 --dtype bfloat16"
    assert main([*line.split(), "--device", "cuda"]) == 0
    limits = Limits(upload_megabytes=5, seconds=2.5, queue=0)
    assert calls == [ServeOptions(model="m", host="0.0.0.0", port=0, limits=limits, dtype="bfloat16", device="cuda")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("serve --port 65536", "'--port': 65536 is not in the range"),
        ("serve --max-upload 0", "'--max-upload': 0 is not in the range"),
        ("serve --max-seconds 0", "'--max-seconds': 0"),
        ("serve --max-seconds nan", "'--max-seconds': nan is not a finite number"),
        ("serve --queue -1", "'--queue': -1 is not in the range"),
        ("serve page", "Got unexpected extra argument"),
        ("serve --host 192.0.2.1", "192.0.2.1:7860: found an error"),
    ],
)
def test_a_wrong_option_is_one_line(capsys, line, told):
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cmmd: ") and err.count("\n") == 1 and told in err


def test_a_port_that_is_taken_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "expected an address of this machine with a free port (--host, --port)" in err


def test_port_0_is_a_free_one():
    port = free_port("127.0.0.1", 0)
    assert port > 0 and free_port("127.0.0.1", port) == port
    with pytest.raises(InputError, match="found an error"):
        free_port("no-such-host.invalid", 0)


def test_a_missing_gradio_is_one_line_that_tells_how_to_install_it():
    code = (
        "import sys; sys.modules['gradio'] = None; from cmmd.cli import main; sys.exit(main(['serve', '--port', '0']))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.count("\n") == 1 and 'pip install "./[page]"' in process.stderr
    assert process.stderr.startswith("cmmd: serve: found no gradio")


def answers_of(app: Any) -> list[dict[str, Any]]:
    """What the server answers to one request, where `app` is behind its middleware."""
    sent: list[dict[str, Any]] = []

    async def send(message):
        sent.append(message)

    async def stay_connected() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    asyncio.run(AnswerMiddleware(app)({"type": "http", "method": "GET", "headers": []}, stay_connected, send))
    return sent


def test_a_file_that_is_removed_while_it_is_asked_for_is_not_found(tmp_path):
    """Starlette tells the size of a file and then opens it. The page removes results in between."""
    from starlette.responses import FileResponse

    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")
    status = path.stat()
    start, *content = answers_of(FileResponse(path, stat_result=status))
    assert start["status"] == 200 and b"".join(message["body"] for message in content) == b"a clip"
    assert (b"referrer-policy", b"no-referrer") in start["headers"]
    path.unlink()
    start, content = answers_of(FileResponse(path, stat_result=status))
    assert (start["status"], content["body"]) == (404, b"")
    assert (b"referrer-policy", b"no-referrer") in start["headers"]


def test_other_missing_files_stay_errors():
    async def broken(scope, receive, send):
        Path("/no/such/file").read_bytes()

    with pytest.raises(FileNotFoundError):
        answers_of(broken)


@pytest.mark.parametrize(
    ("host", "address", "warned"),
    [
        ("127.0.0.1", "127.0.0.1", False),
        ("localhost", "localhost", False),
        ("::1", "[::1]", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "[::1]", True),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_the_address_is_told_and_that_there_is_no_password(capsys, host, address, warned):
    server._announce(host, 8000)
    out, err = capsys.readouterr()
    assert out == f"CMMD: http://{address}:8000 (Ctrl-C ends it)\n"
    assert ("it has no password" in err) == warned


def test_the_page_on_serving_has_the_numbers_of_the_code():
    page = " ".join((Path(__file__).parents[2] / "docs" / "serving.md").read_text().split())
    limits = Limits()
    assert f"| `--max-upload` | {limits.upload_megabytes} |" in page and limits.upload_bytes == 200 * 2**20
    assert f"| `--max-seconds` | {limits.seconds:g} |" in page and f"| `--queue` | {limits.queue} |" in page
    assert f"At most {limits.takes} takes of {limits.steps} steps" in page
    assert limits.retained == 3600 and f"exceed {limits.uploads} times the largest upload" in page
    assert f"If the best take scores below {UNKNOWN_BELOW}," in page
