"""The page in Debian's chromium, served by the command: a real clip, takes, cancel, bad files, no request outside."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cmmd.clips.reading import probe
from cmmd.serve.outside import is_this_machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Runs the command and writes every host that any library of its process connects to or looks up.
SERVE = """
import os, sys
log = open(sys.argv[1], "a", buffering=1)
def audit(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        log.write(f"{address[0] if isinstance(address, tuple) else address}\\n")
sys.addaudithook(audit)
from cmmd.cli import main
sys.exit(main(sys.argv[2:]))
"""
pytestmark = pytest.mark.slow


class Server(NamedTuple):
    """A running `cmmd serve`. folder: where it keeps temporary files. connections: see `SERVE`."""

    process: "subprocess.Popen[str]"
    address: str
    folder: Path
    connections: Path

    def results(self) -> list[Path]:
        """Folders of results that are on disk."""
        return list(self.folder.glob("cmmd-serve-*/results/*"))


@pytest.fixture(scope="module")
def server(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The command with the shipped model, at most 1 MB and 12 s for an upload, where a proxy leads nowhere."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("server")
    log = folder / "connections.txt"
    words = ["serve", "--port", "0", "--max-upload", "1", "--max-seconds", "12", "--threads", "1"]
    nowhere = "http://192.0.2.1:3128"
    environment = os.environ | {
        "TMPDIR": str(folder),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "ALL_PROXY": nowhere,
    }
    with (folder / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(log), *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"CMMD: (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", line)
        assert found, f"{line!r}\n{(folder / 'errors.txt').read_text()}"
        yield Server(process, found[1], folder, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert list(folder.glob("cmmd-serve-*")) == []  # nothing is left
    assert (folder / "errors.txt").read_text() == "cmmd: interrupted\n"
    assert {host for host in log.read_text().split() if not is_this_machine(host)} == set()


@pytest.fixture
def page(browser: "Browser", server: Server) -> "Iterator[Page]":
    """The page in a new window; every request, also of a web socket, goes to the server."""
    context = browser.new_context(viewport={"width": 1400, "height": 950}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(120_000)  # a busy machine
    asked: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto(server.address)
    page.wait_for_selector("#generate-sound")
    yield page
    context.close()
    assert errors == []
    assert len(asked) > 10 and all(url.startswith((f"{server.address}/", "data:", "blob:")) for url in asked)


@pytest.fixture
def clip(tmp_path: Path, scene: Path) -> Path:
    """A real clip with sound under the limits if there are any, otherwise one of the world."""
    real = Path(os.environ.get("CMMD_TEST_DATA", "nowhere")) / "clips" / "vas_drum_02480.mp4"
    target = tmp_path / "a clip, by hand.mp4"
    shutil.copy(real if real.exists() else scene, target)
    return target


def upload(page: "Page", task: str, file: Path) -> None:
    page.set_input_files(f"#source-{task} input[type=file]", file)
    page.wait_for_selector(f"#source-{task} :is(video, button[aria-label=Clear])", state="attached")


def fill(page: "Page", task: str, **values: str) -> None:
    """Fills the fields of a tab."""
    for name, value in values.items():
        page.fill(f"#{name}-{task} :is(input:not([type=range]), textarea)", value)
        page.keyboard.press("Tab")


def generate(page: "Page", task: str) -> None:
    page.click(f"#generate-{task}")
    page.wait_for_selector(f"#progress-{task} .cmmd-progress")


def source(page: "Page") -> str:
    return page.evaluate("document.querySelector('#result-sound .cmmd-video').getAttribute('src')")


def plays(page: "Page") -> bool:
    """Whether the player's time moves on."""
    page.evaluate("document.querySelector('#result-sound .cmmd-video').muted = true")
    page.evaluate("document.querySelector('#result-sound .cmmd-video').play()")
    page.wait_for_function("document.querySelector('#result-sound .cmmd-video').currentTime > 0.1")
    return page.evaluate("document.querySelector('#result-sound .cmmd-video').error") is None


def test_a_clip_gets_takes_that_can_be_played_compared_and_downloaded(page, server, clip, tmp_path):
    upload(page, "sound", clip)
    fill(page, "sound", takes="2", steps="2", seed="11")
    generate(page, "sound")
    page.wait_for_selector("#progress-sound :text-matches('step [1-4] of 4')")
    assert page.is_disabled("#generate-sound") and page.is_visible("#cancel-sound")
    page.wait_for_selector("#result-sound .cmmd-take")
    assert page.locator("#result-sound .cmmd-take").count() == 2
    assert page.locator("#result-sound .cmmd-best").count() == 1
    assert "seed 11" in page.inner_text("#result-sound .cmmd-facts")
    assert page.locator("#result-sound .cmmd-take :text-matches('match -?[01].[0-9][0-9]')").count() == 2
    assert page.is_hidden("#progress-sound") and page.is_enabled("#generate-sound")

    assert plays(page)
    page.wait_for_function("parseFloat(document.querySelector('.cmmd-playhead').style.left) > 9.5")
    other = page.locator("#result-sound .cmmd-take[data-selected=false]")
    expected = other.get_attribute("data-video")
    before = source(page)
    other.locator(".cmmd-choose").click()
    assert source(page) == expected != before and plays(page)
    page.locator("#result-sound .cmmd-timeline").click(position={"x": 400, "y": 100})
    page.evaluate("document.querySelector('#result-sound .cmmd-video').pause()")
    time_of = "document.querySelector('#result-sound .cmmd-video').currentTime"
    at = page.evaluate(time_of)
    assert at > 0.5  # a click in the middle of the time axis
    page.get_by_role("button", name="Original sound").click()
    assert "-original-" in source(page)
    page.wait_for_function(f"Math.abs({time_of} - {at}) < 0.05")
    assert plays(page)
    page.get_by_role("button", name="Generated sound").click()
    assert source(page) == expected

    for kind in ("MP4", "WAV"):
        with page.expect_download() as download:
            page.locator("#result-sound .cmmd-take").first.get_by_text(kind, exact=True).click()
        name = download.value.suggested_filename
        assert re.fullmatch(rf"a_clip_by_hand-cmmd-11-1-[0-9a-f]{{6}}\.{kind.lower()}", name)
        download.value.save_as(tmp_path / name)
        assert probe(tmp_path / name).has_audio and probe(tmp_path / name).has_video == (kind == "MP4")
    assert len(server.results()) == 1


def test_bad_files_are_told_and_the_page_goes_on(page, server, tmp_path):
    fake, big = tmp_path / "fake.mp4", tmp_path / "big.mp4"
    fake.write_text("this is a text\n" * 100)
    big.write_bytes(b"0" * (2**20 + 1))
    upload(page, "sound", fake)
    page.click("#generate-sound")
    page.wait_for_selector("#result-sound .cmmd-error")
    told = page.inner_text("#result-sound")
    assert "fake.mp4: found 1500 bytes that are no known media format" in told
    assert "Traceback" not in told and str(server.folder) not in told

    page.click("#source-sound button[aria-label=Clear]")
    page.set_input_files("#source-sound input[type=file]", big)
    page.wait_for_selector("text=maximum allowed size")

    page.get_by_role("tab", name="Both from nothing").click()
    fill(page, "both", steps="2", guidance="a lot")
    page.click("#generate-both")
    page.wait_for_selector("#result-both .cmmd-error")
    assert "guidance: found 'a lot', expected a number from 0 to 100" in page.inner_text("#result-both")
    fill(page, "both", guidance="", temperature="hot")
    page.click("#generate-both")
    page.wait_for_selector("#result-both .cmmd-error:has-text('temperature')")
    assert "temperature: found 'hot', expected a number from 0 to 10" in page.inner_text("#result-both")
    fill(page, "both", temperature="0.5")
    page.click("#generate-both")
    page.wait_for_selector("#result-both .cmmd-take")


def test_cancelling_stops_and_leaving_removes_the_results(page, server):
    page.get_by_role("tab", name="Sound to video").click()
    assert page.locator("#source-video button[aria-label='Record audio']").count() == 1
    page.click("#example-video-dance")
    page.wait_for_selector("#source-video button[aria-label=Clear]")
    fill(page, "video", takes="2", steps="100")
    generate(page, "video")
    page.wait_for_selector("#progress-video :text-matches(' left')")
    before = len(server.results())
    page.click("#cancel-video")
    page.wait_for_selector("#progress-video", state="hidden")
    assert page.locator("#result-video .cmmd-take").count() == 0 and len(server.results()) == before - 1

    fill(page, "video", takes="1", steps="2")
    generate(page, "video")
    page.wait_for_selector("#result-video .cmmd-take")
    assert len(server.results()) == before
    page.goto("about:blank")
    until = time.monotonic() + 30
    while server.results() and time.monotonic() < until:
        time.sleep(0.1)
    assert server.results() == []


def test_a_narrow_window_has_no_overflow_and_all_tabs(page):
    page.set_viewport_size({"width": 420, "height": 900})
    tabs = [page.get_by_role("tab", name=name) for name in ("Video to sound", "Both from nothing", "Keep a stretch")]
    for tab in tabs:
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def status(address: str, path: str, body: bytes | None = None, content: str = "application/json") -> int:
    request = urllib.request.Request(f"{address}/{path}", data=body, headers={"Content-Type": content})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_other_clients_get_no_further_than_the_page(server):
    form = b'--b\r\nContent-Disposition: form-data; name="files"; filename="big.mp4"\r\n\r\n%s\r\n--b--\r\n'
    sent = form % (b"0" * (2**20 + 1))
    assert status(server.address, "gradio_api/upload", sent, "multipart/form-data; boundary=b") == 413
    for path in (f"gradio_api/file={Path(__file__)}", "gradio_api/file=/etc/passwd", "docs", "openapi.json"):
        assert status(server.address, path) in (403, 404)
    assert status(server.address, "gradio_api/queue/join", b"{") in (400, 422)
    assert status(server.address, "gradio_api/queue/join", json.dumps({"data": [1], "fn_index": 99}).encode()) >= 400
    assert status(server.address, "") == 200
