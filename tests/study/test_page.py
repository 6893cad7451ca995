"""The page in a real browser, by keys alone: headphone check, answers, a reload in the middle, the file at the end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from simulated_raters import page_study

from cmmd.study.analyse import analyse
from cmmd.study.answers import read_answers
from cmmd.study.build import Built
from cmmd.study.exclusion import judge
from cmmd.study.key import Key, read_key
from cmmd.study.results import AnalyseOptions

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PLAYED = "played to the end"
FASTER = """
const play = HTMLMediaElement.prototype.play
HTMLMediaElement.prototype.play = function () { this.playbackRate = 4; return play.call(this) }
"""


@pytest.fixture
def page(browser: "Browser", built: Built) -> "Iterator[Page]":
    """The page as rater 5, whose clips take a quarter of their time, with everything that it loads and every error
    noted."""
    context = browser.new_context(viewport={"width": 900, "height": 900})
    context.add_init_script(FASTER)
    page = context.new_page()
    page.set_default_timeout(20_000)
    loaded: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(f"{built.page.as_uri()}?rater=5")
    yield page
    context.close()
    assert errors == []
    assert loaded and all(url.startswith((built.page.parent.as_uri(), "blob:", "data:")) for url in loaded)


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def reload(page: "Page") -> None:
    """As a rater, who takes longer to do so than a browser takes to write what the page keeps."""
    page.wait_for_timeout(500)
    page.reload()


def heading(page: "Page") -> str:
    return page.inner_text("h1")


def kept(page: "Page") -> dict[str, Any]:
    """What the browser keeps of this rater."""
    return json.loads(page.evaluate("Object.values(localStorage)[0]"))


def listen_to_tones(page: "Page") -> None:
    """As somebody with headphones: the tone that is 6 dB softer."""
    state = kept(page)
    press(page, "p")
    page.wait_for_selector(f"text={PLAYED}")
    press(page, str(state["tones"][len(state["headphones"])].index(1) + 1), "Enter")


def play(page: "Page") -> int:
    """Play what is on the screen, one after the other; returns how many clips that were."""
    keys = ["a", "b"] if page.locator("video").count() == 2 else ["p"]
    for number, key in enumerate(keys):
        press(page, key)
        page.locator("figure").nth(number).locator(f"text={PLAYED}").wait_for()
    return len(keys)


def answer_screen(page: "Page", key: Key) -> None:
    """Watch and answer: what an attention check asks for, or 3."""
    source = page.locator("video").first.get_attribute("src")
    assert source is not None
    asked = key.media[Path(source).stem].asks_for or 3
    play(page)
    press(page, *[str(asked)] * len(key.questions), "Enter")


@pytest.mark.slow
def test_a_rater_gets_through_by_keys_alone_and_the_file_is_read(page: "Page", built: Built, tmp_path: Path):
    key = read_key(built.key)
    press(page, "Enter", "p", "Enter")
    assert heading(page) == "Headphones: 1 of 3"
    for _ in range(3):
        listen_to_tones(page)
    assert heading(page) == "Pairs of clips"
    press(page, "Enter")
    answer_screen(page, key)
    assert heading(page) == "Pair 2 of 5"

    play(page)
    press(page, "1")
    reload(page)  # in the middle of a screen: what was chosen and played is still there
    assert heading(page) == "Pair 2 of 5"
    assert page.locator("input:checked").count() == 1 and page.locator(f"text={PLAYED}").count() == 2
    answer_screen(page, key)

    while heading(page).startswith("Pair "):
        answer_screen(page, key)
    assert heading(page) == "Single clips"
    press(page, "Enter")
    while heading(page).startswith("Clip "):
        answer_screen(page, key)
    assert heading(page) == "Done, thank you"
    with page.expect_download() as download:
        press(page, "s")
    assert download.value.suggested_filename == f"answers-{key.study}-5.json"
    file = tmp_path / "answers.json"
    download.value.save_as(file)

    answers = read_answers(file, key)
    assert answers.rater == "5" and answers.missing == 0 and len(answers.answers) == 5 + 4
    verdict = judge(answers, key, misses=0, keep=frozenset())
    assert verdict.used and verdict.tones_right == 3 and verdict.checks_right == verdict.checks == 2
    assert "1 raters, 1 used" in analyse(built.key, (file,), tmp_path / "out", AnalyseOptions(resamples=100))


def test_nobody_goes_on_without_playing_and_answering(page: "Page"):
    page.evaluate("state.at = steps.findIndex((step) => step.trial); save(); show()")
    press(page, "1", "2", "3", "Enter")
    assert page.inner_text("#status") == "Please play both clips to their end first."
    play(page)
    reload(page)
    page.evaluate("state.draft.values = {}; save(); show()")
    press(page, "Enter")
    assert page.inner_text("#status") == "Please answer every question."
    assert heading(page) == "Pair 1 of 5"


def test_a_rater_who_stops_can_save_and_go_on(page: "Page"):
    page.evaluate("state.at = steps.findIndex((step) => step.trial); save(); show()")
    page.get_by_role("button", name="Stop here and save my answers").click()
    assert heading(page) == "Stopped"
    with page.expect_download() as download:
        press(page, "s")
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved["answers"] == {} and len(saved["asked"]) == 9
    reload(page)
    page.get_by_role("button", name="Go on with the study").click()
    assert heading(page) == "Pair 1 of 5"


def test_a_clip_that_cannot_be_played_is_noted_and_passed_over(page: "Page"):
    page.evaluate("for (const name in study.media) study.media[name] = 'data:video/mp4;base64,AAAA'")
    page.evaluate("state.at = steps.findIndex((step) => step.trial); save(); show()")
    page.locator("text=cannot be played here").first.wait_for()
    press(page, "Enter")
    assert heading(page) == "Pair 2 of 5"
    (answer,) = kept(page)["answers"].values()
    assert answer["broken"] is True and answer["values"] == {}


def test_focus_is_seen_and_everything_has_a_name(page: "Page"):
    page.evaluate("state.at = steps.findIndex((step) => step.trial); save(); show()")
    press(page, "1")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle + document.activeElement.type")
    assert outline == "solidradio"
    names = page.evaluate("""() => [
        ...[...document.querySelectorAll('input, progress')].map((node) => node.labels[0]?.textContent),
        ...[...document.querySelectorAll('button, legend')].map((node) => node.textContent),
        ...[...document.querySelectorAll('video')].map((node) => node.getAttribute('aria-label')),
    ]""")
    assert len(names) == 9 + 1 + 4 + 3 + 2 and all(name and name.strip() for name in names)
    assert page.get_by_role("radio", checked=True).count() == 1
    assert (
        page.get_by_role("group", name="Which clip sounds better?").get_by_role("radio", name="No preference").count()
        == 1
    )


def test_raters_differ_in_order_and_share_out_the_lists(browser: "Browser", built: Built):
    context = browser.new_context()
    page = context.new_page()
    study = page_study(built.page)
    lists, orders = study["lists"]["pair"], []
    for rater in range(len(lists)):
        page.goto(f"{built.page.as_uri()}?rater={rater}")
        orders.append(page.evaluate("state.asked"))
        pairs = [entry for entry in orders[-1] if study["trials"][entry // 2]["kind"] == "pair"]
        assert sorted(pairs) == sorted(lists[rater])
    assert len({tuple(order) for order in orders}) == len(orders)
    page.goto(built.page.as_uri())
    first = page.evaluate("state.seed")
    context.close()
    other = browser.new_context()
    page = other.new_page()
    page.goto(built.page.as_uri())
    assert page.evaluate("state.seed") != first
    other.close()


def test_the_tones_are_those_of_woods_and_others(page: "Page"):
    """Amplitudes over the middle of each tone: plain, 6 dB softer, and cancelled when both channels are added."""
    measure = """(kind) => {
        const buffer = toneBuffer(new OfflineAudioContext(2, 44100, 44100), kind);
        const [left, right] = [buffer.getChannelData(0), buffer.getChannelData(1)];
        let [one, both] = [0, 0];
        for (let k = 8820; k < 35280; k++) { one += left[k] ** 2; both += (left[k] + right[k]) ** 2; }
        return [Math.sqrt(one / 26460), Math.sqrt(both / 26460), buffer.duration];
    }"""
    plain, quiet, antiphase = (page.evaluate(measure, kind) for kind in range(3))
    assert quiet[0] / plain[0] == pytest.approx(10 ** (-6 / 20), rel=1e-3)
    assert antiphase[0] == pytest.approx(plain[0], rel=1e-3)
    assert antiphase[1] == pytest.approx(0, abs=1e-6) and plain[1] == pytest.approx(2 * plain[0], rel=1e-3)
    assert plain[2] == quiet[2] == antiphase[2] == 1
