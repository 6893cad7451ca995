"""The server connects to nothing outside this machine: any attempt in this process is refused (ours).

gradio can fetch addresses that a client names and can report usage. Both are switched off; the audit hook holds this
for every library in the process (PEP 578). Connections that come in are not affected.
"""

import ipaddress
import socket
import sys
from typing import Any

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # the page of gradio needs all three
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response: a browser loads nothing from another host and tells no host about this one."""


def is_this_machine(host: Any) -> bool:
    """Whether a host name or address is the loopback interface or none at all."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_outside(*, listens_on: str) -> None:
    """Lets every later connection and name look-up of this process fail with PermissionError unless it is for this
    machine. It holds until the process ends. listens_on: the host of the server, which may be looked up and connected
    to."""
    name = listens_on.strip("[]")
    own = {listens_on, name, *(found[4][0] for found in socket.getaddrinfo(name, None))}

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" or event == "socket.sendto":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None  # a path of a Unix socket is on this machine
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if not is_this_machine(host) and host not in own:
            raise PermissionError(f"{event} to {host!r}: `cmmd serve` connects to nothing outside this machine")

    sys.addaudithook(audit)
