"""Nothing leaves the machine: the process cannot connect or look up names, and pages may load from their host only."""

import socket
import subprocess
import sys

import pytest

from cmmd.serve.outside import HEADERS, is_this_machine

CODE = """
import socket, sys
from cmmd.serve.outside import refuse_outside
refuse_outside(listens_on="127.0.0.1")
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
socket.getaddrinfo("localhost", 80)
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    lambda: socket.create_connection(("2001:db8::1", 80), timeout=1),
    lambda: socket.getaddrinfo("example.com", 443),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("192.0.2.1", 53)),
):
    try:
        attempt()
    except PermissionError as error:
        print(error)
    else:
        sys.exit("it was not refused")
"""


def test_connections_and_look_ups_are_refused():
    process = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("connects to nothing outside this machine") == 5


@pytest.mark.parametrize(
    "host", [None, "", "localhost", b"localhost", "127.0.0.1", "127.3.2.1", "::1", "0.0.0.0", "::"]
)
def test_this_machine(host):
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host", ["example.com", b"example.com", "192.0.2.1", "10.0.0.1", "2001:db8::1", "localhost.evil"]
)
def test_other_machines(host):
    assert not is_this_machine(host)


def test_the_policy_names_no_other_host():
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "connect-src 'self' data: blob:" in policy
    assert "http" not in policy and "*" not in policy


def test_the_host_of_the_server_can_be_reached():
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("the name of this machine has no address")
    code = (
        "import socket; from cmmd.serve.outside import refuse_outside\n"
        f"refuse_outside(listens_on={name!r})\n"
        f"listener = socket.create_server(({address!r}, 0))\n"
        f"socket.create_connection(({name!r}, listener.getsockname()[1])).close()"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
