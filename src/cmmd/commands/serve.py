"""`cmmd serve` (ours)."""

from typing import Any

import click

from cmmd.commands.options import Number, Whole, device_option, threads_option


@click.command(short_help="Open a page in the browser that generates.")
@click.option("--model", metavar="MODEL", help="Model folder, or hub:ORG/NAME.  [default: the shipped one]")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 is every network.")
@click.option("--port", type=Whole(0, 65535), default=7860, help="Port to listen on; 0 chooses a free one.")
@click.option("--max-upload", type=Whole(1, 100_000), default=200, metavar="MB", help="Largest upload.")
@click.option("--max-seconds", type=Number(0, 3600, min_open=True), default=60, help="Longest clip or result.")
@click.option("--queue", type=Whole(0, 1000), default=8, help="Requests that may wait; one at a time is generated.")
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", help="Precision of the networks."
)
@threads_option
@device_option
def serve(max_upload: int, max_seconds: float, queue: int, **options: Any) -> None:
    """Serve a page that makes sound for video, video for sound, or both.

    Only this machine can open the page unless --host says otherwise. Nothing is loaded from or sent to another machine.
    Uploads and results are removed after an hour, and all of them when the command ends.

    Example: cmmd serve --port 8000
    """
    from cmmd.serve.limits import Limits
    from cmmd.serve.server import ServeOptions
    from cmmd.serve.server import serve as run

    run(ServeOptions(limits=Limits(upload_megabytes=max_upload, seconds=max_seconds, queue=queue), **options))
