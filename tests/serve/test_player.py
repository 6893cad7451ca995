"""HTML of results: escaped, relative, the best take selected, a switch where there is something to compare."""

from pathlib import Path
from typing import Any

from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.serve.generating import Generation, TakeFiles
from cmmd.serve.player import address, error_html, result_html

FOLDER = Path("/tmp/r")


def take(number: int, **changes) -> TakeFiles:
    stem = FOLDER / f"a-{number}.mp4"
    values: dict[str, Any] = {"video": stem, "sound": stem.with_suffix(".wav"), "picture": stem.with_suffix(".png")}
    values |= {"seed": number, "seconds": 1.6, "guidance": 1.0, "alignment": 0.5}
    return TakeFiles(**(values | changes))


def generation(order, takes, **changes) -> Generation:
    values: dict[str, Any] = {"original": FOLDER / "o.mp4", "warning": None, "notes": (), "seconds": 2.0}
    return Generation(**(values | {"order": order(), "takes": takes} | changes))


def test_the_best_take_is_selected_and_played(order):
    html = result_html(generation(order, (take(1), take(2, best=True, alignment=0.814), take(3))))
    assert html.count('class="cmmd-take"') == 3 and html.count('data-selected="true"') == 1
    selected = html[html.index('data-selected="true"') :]
    assert selected.index("Take 2") < selected.index("Take 3") and "match 0.81" in selected.split("</article>")[0]
    assert (
        f'<video class="cmmd-video" controls loop playsinline preload="metadata" src="{address(FOLDER / "a-2.mp4")}"'
        in html
    )
    assert html.count('class="cmmd-best"') == 1 and "seed 5" in html  # the seed of the order


def test_a_temperature_is_shown_if_it_was_asked_for(order):
    asked = order(sampling=SamplingConfig(steps=9, temperature=0.5))
    for asked_for, text in (
        (asked, "9 steps · guidance 1 · temperature 0.5 · seed 5"),
        (order(), "guidance 1 · seed 5"),
    ):
        assert text in result_html(generation(lambda given=asked_for: given, (take(1),)))


def test_downloads_have_the_names_of_the_files(order):
    html = result_html(generation(order, (take(1),)))
    for suffix in ("mp4", "wav", "png"):
        assert f'href="gradio_api/file=/tmp/r/a-1.{suffix}" download="a-1.{suffix}"' in html


def test_original_and_generated_can_be_switched_if_there_is_an_original(order):
    assert 'data-original="gradio_api/file=/tmp/r/o.mp4"' in result_html(generation(order, (take(1),)))
    assert "data-plays" not in result_html(generation(order, (take(1),), original=None))


def test_a_take_without_a_score_has_none(order):
    assert "match" not in result_html(generation(order, (take(1, alignment=None),)))
    assert "match 0.00" in result_html(generation(order, (take(1, alignment=-0.001),)))


def test_a_warning_and_remarks_are_shown_and_escaped(order):
    html = result_html(
        generation(
            order, (take(1),), warning="beyond what the model has learnt: the best <b>", notes=("left out: <script>",)
        )
    )
    assert "<strong>Beyond what the model has learnt</strong> The best &lt;b&gt;" in html
    assert "left out: &lt;script&gt;" in html and "<script" not in html


def test_an_error_is_escaped():
    assert "&lt;img src=x onerror=alert(1)&gt;.mp4: found" in error_html("<img src=x onerror=alert(1)>.mp4: found")


def test_addresses_are_relative_and_quoted():
    assert address(Path('/tmp/a b"#?.mp4')) == "gradio_api/file=/tmp/a%20b%22%23%3F.mp4"
