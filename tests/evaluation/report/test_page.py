"""Claims about the page: it stands alone, asks for nothing, escapes every name, and is the same each time."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flashing_clips import small_record, write_media

from cmmd.errors import InputError
from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.report import media
from cmmd.evaluation.report.markup import EMPTY
from cmmd.evaluation.report.writing import write_report

pytestmark = pytest.mark.slow


class Reader(HTMLParser):
    """Tags with their attributes, and whether every tag is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def renamed(record: Record, name: str) -> Record:
    """The first system and the first failed clip have another name."""
    first, *others = record.systems
    failed = replace(record.failures[0], name=name)
    return replace(record, systems=(replace(first, name=name), *others), failures=(failed,))


def test_nothing_is_asked_for_from_outside(page: str) -> None:
    reader = read(page)
    assert not re.search(r"https?://", page)
    assert not re.search(r"""(src|href|url\(|@import)\s*=?\s*["']?//""", page)
    assert {tag for tag, _ in reader.tags}.isdisjoint({"link", "iframe", "object", "base"})
    assert all("src" not in attributes for attributes in reader.of("script"))
    policy = next(a["content"] for a in reader.of("meta") if "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'") and "http" not in policy


def test_every_picture_is_in_the_page(page: str) -> None:
    pictures = read(page).of("img")
    assert len(pictures) == 2 * 3 + 2 * 2 + 1  # a direction: three examples and two distances; one response to delay
    for picture in pictures:
        kind, _, content = str(picture["src"]).partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
        assert picture["alt"]


def test_every_clip_has_its_players(page: str) -> None:
    players = read(page).of("video")
    assert len(players) == 2 * 3 * (1 + 2)  # directions, clips; the true one and two systems
    assert all(player["preload"] == "none" and player["poster"] for player in players)
    assert all(str(player["src"]).startswith("data:video/mp4;base64,") for player in players)


def test_large_media_are_referred_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = small_record(directions=1)
    write_media(record, tmp_path)
    monkeypatch.setattr(media, "EMBED_LIMIT", 10)
    players = read(write_report(record, tmp_path).read_text()).of("video")
    files = {str(player["src"]) for player in players}
    assert files == {
        file for s in record.systems for r in s.results for c in r.clips for file in (c.generated, c.reference)
    }
    assert all((tmp_path / file).is_file() for file in files)


def test_a_name_cannot_command_the_page(tmp_path: Path) -> None:
    name = "<script>alert('x')</script>\"&"
    page = write_report(renamed(small_record(directions=1), name), tmp_path).read_text()
    assert name not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;&amp;" in page
    assert page.startswith("<!doctype html>\n<html")
    assert len(read(page).of("script")) == 1


def test_missing_media_are_told_and_do_not_break_the_page(tmp_path: Path) -> None:
    page = write_report(small_record(directions=1), tmp_path).read_text()
    assert read(page).of("video") == []
    told = [str(attributes.get("class")) for attributes in read(page).of("p")].count("absent")
    assert told == 3 * (1 + 2) + 3  # players, figures
    assert page.count("No figure of the middle clip of impacts") == 1


def test_a_card_can_be_sorted_by_every_known_value(page: str) -> None:
    reader = read(page)
    cards = reader.of("article")
    # cmmd: onset F1, log-mel L1, beat F1 (nan everywhere); then the baseline's.
    assert [card["data-k1"] for card in cards[:3]] == ["0.7", "0.8", "0.9"]
    assert all("data-k2" not in card for card in cards)
    assert {option["value"] for option in reader.of("option")} == {"", *(f"k{index}" for index in range(6))}


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    write_media(small_record(directions=1), tmp_path)
    written = []
    for _ in range(2):
        page = write_report(small_record(directions=1), tmp_path)
        written.append((page.read_bytes(), (tmp_path / "report.md").read_bytes()))
    assert written[0] == written[1]


def test_nothing_half_written_stays(report_folder: Path, tmp_path: Path) -> None:
    assert {path.name for path in report_folder.iterdir()} == {"report.html", "report.md", "clips", "reference"}
    (tmp_path / "report.md").mkdir()
    with pytest.raises(InputError, match=r"report\.md"):
        write_report(small_record(directions=1), tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_empty_record_has_a_report(tmp_path: Path) -> None:
    record = replace(small_record(directions=1), systems=(), delays=(), failures=())
    page = write_report(record, tmp_path).read_text()
    assert "No clip failed." in page and "Not looked for" in page
