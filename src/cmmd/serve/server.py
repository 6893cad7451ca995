"""`cmmd serve`: loads the model, writes the examples, and serves the page until it is interrupted (ours)."""

import os
import socket
import sys
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cmmd.errors import InputError
from cmmd.pipelines.loading import DType, load_pipeline
from cmmd.serve.limits import Limits
from cmmd.serve.outside import HEADERS, is_this_machine, refuse_outside

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cmmd.serve.files import ServedFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions:
    """The options of the command; see `cmmd serve --help`."""

    model: str | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    device: str = "cpu"
    dtype: DType = "float32"
    limits: Limits = field(default_factory=Limits)


def serve(options: ServeOptions) -> None:
    """Serves the page until the process is interrupted (KeyboardInterrupt).

    Raises InputError without gradio, for a host or port that cannot be used, and as `load_pipeline`.
    """
    port = free_port(options.host, options.port)
    from cmmd.serve.files import served_files

    with served_files(options.limits) as files:
        _settle_gradio(files)
        pipeline = load_pipeline(options.model, device=options.device, dtype=options.dtype)
        from cmmd.serve.examples import write_examples
        from cmmd.serve.jobs import Jobs
        from cmmd.serve.page import build_page
        from cmmd.serve.service import Service

        os.environ |= {"NO_PROXY": "*", "no_proxy": "*"}  # gradio asks its own page through a proxy otherwise
        refuse_outside(listens_on=options.host)
        jobs = Jobs(waiting=options.limits.queue)
        try:
            page = build_page(Service(pipeline, files, jobs, options.limits), write_examples(files.examples))
            _launch(page, options, port, files)
            _announce(options.host, port)
            threading.Event().wait()
        finally:
            jobs.close()


def free_port(host: str, port: int) -> int:
    """Returns `port`, or a free one for 0. Raises InputError if the host is not one of this machine or the port is
    taken."""
    name = host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            return trial.getsockname()[1]
    except OSError as error:
        expected = "an address of this machine with a free port (--host, --port)"
        raise InputError.about(f"{host}:{port}", found=f"an error ({error.strerror})", expected=expected) from error


def _settle_gradio(files: "ServedFiles") -> None:
    """Configures gradio before its import: uploads go to the server's folder, nothing is reported to anybody. Raises
    InputError if it is not installed."""
    os.environ |= {
        "GRADIO_TEMP_DIR": str(files.uploads),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import gradio  # noqa: F401
    except ImportError as error:
        expected = 'pip install "gradio>=6.31" (in a checkout: pip install "./[page]")'
        raise InputError.about("serve", found="no gradio", expected=expected) from error


def _launch(page: Any, options: ServeOptions, port: int, files: "ServedFiles") -> None:
    """Starts the server in a thread."""
    from starlette.middleware import Middleware

    from cmmd.serve.page import page_look

    page.launch(
        server_name=options.host,
        server_port=port,
        max_file_size=options.limits.upload_bytes,
        allowed_paths=[str(files.results)],
        app_kwargs={
            "middleware": [Middleware(AnswerMiddleware)],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        footer_links=[],
        **page_look(),
    )


class AnswerMiddleware:
    """ASGI middleware: adds `HEADERS` to every response, and answers 404 for a file that is removed while it is asked
    for.

    The results of a visitor who leaves are removed at once, also while the browser still reads them. Starlette sends
    the start of a file's response before it opens the file; it is held back here until there is content.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        start: Message | None = None

        async def answer(message: "Message") -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_RAW_HEADERS]}
                if any(name.lower() == b"accept-ranges" for name, _ in message["headers"]):  # of a file
                    start = message
                    return
            elif start is not None:
                await send(start)
                start = None
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except FileNotFoundError:
            if start is None:
                raise
            await send({"type": "http.response.start", "status": 404, "headers": _RAW_HEADERS})
            await send({"type": "http.response.body", "body": b""})


_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def _announce(host: str, port: int) -> None:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host.strip("[]") else host)
    print(f"CMMD: http://{shown}:{port} (Ctrl-C ends it)", flush=True)
    if not is_this_machine(host) or host in ("0.0.0.0", "::"):
        print("cmmd: everybody who reaches this machine can use the page: it has no password", file=sys.stderr)
