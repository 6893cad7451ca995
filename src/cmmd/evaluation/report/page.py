"""The report as one HTML page with embedded style, script and figures; it loads nothing from other hosts (ours)."""

from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from cmmd.errors import InputError
from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.report.charts import BOX_CAPTION, delay_caption, draw_boxes, draw_delays
from cmmd.evaluation.report.examples import Example, draw_example, example_caption, examples
from cmmd.evaluation.report.markup import element, join
from cmmd.evaluation.report.media import Media, data_address
from cmmd.evaluation.report.memorisation import copies_table, nearest_table
from cmmd.evaluation.report.palette import png
from cmmd.evaluation.report.players import players
from cmmd.evaluation.report.protocol import backbone_table, protocol_table
from cmmd.evaluation.report.strips import interval_strip, legend, legend_mark
from cmmd.evaluation.report.tables import (
    DIRECTION_NAMES,
    HOW_TO_READ,
    Cell,
    Section,
    Table,
    about_metrics,
    by_direction,
    delay_table,
    distance_names,
    distance_table,
    failure_table,
    headline_table,
    metric_names,
    metrics_of,
    results_of,
    sections,
    speed_table,
    unique,
    world_table,
)

POLICY = (
    "default-src 'none'; img-src data:; media-src data: 'self' file:;"
    " style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
"""Content security policy: the browser blocks all other resources."""

LONG = 24
"""Length (characters) above which a cell is formatted as text and may wrap."""


def html_report(record: Record, folder: Path) -> str:
    """Returns the page. folder: the record's media files are relative to it."""
    media = Media.of(record, folder)
    sections = {
        "Results": join(*_results(record)),
        "Figures": join(*_figures(record, media)),
        "Failures": _failures(record),
        "Memorisation": _memorisation(record),
        "Clips": join(*_clips(record, media)),
        "Protocol": join(table(protocol_table(record.protocol)), table(backbone_table(record.protocol))),
    }
    links = [element("a", name, href=f"#{name.lower()}") for name in sections]
    body = [
        element("header", element("h1", "Evaluation"), element("p", _summary(record)), element("nav", *links)),
        element("main", *(element("section", element("h2", n), s, id=n.lower()) for n, s in sections.items())),
        element("script", Markup(_asset("page.js"))),
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", f"Evaluation of {', '.join(system.name for system in record.systems)}"),
        element("style", Markup(_asset("page.css"))),
    ]
    return (
        Markup("<!doctype html>\n") + element("html", element("head", *head), element("body", *body), lang="en") + "\n"
    )


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _summary(record: Record) -> str:
    clips = sum(len(result.clips) for system in record.systems for result in system.results)
    flagged = sum(
        row.flagged for s in record.systems for r in s.results if r.memorisation for row in r.memorisation.rows
    )
    systems = ", ".join(system.name for system in record.systems)
    return f"{systems}: {clips} generated clips, {len(record.failures)} failed, {flagged} flagged as copies."


def _results(record: Record) -> Iterator[Markup]:
    yield element("p", HOW_TO_READ, class_="about")
    yield legend([system.name for system in record.systems])
    for direction, in_direction in by_direction(record).items():
        yield element("h3", DIRECTION_NAMES[direction].capitalize())
        for section in in_direction:
            yield join(element("h4", section.group_name), _headline(record, section))
        terms = [join(element("dt", name), element("dd", about)) for name, about in about_metrics(record, in_direction)]
        yield element("details", element("summary", "What each metric is"), element("dl", *terms))
        yield _titled("Distances of sets", distance_table(record, in_direction))
        yield _titled("Speed", speed_table(record, in_direction))
    yield _titled("World", world_table(record))


def _headline(record: Record, section: Section) -> Markup:
    """The headline table with a drawing of the values in each row."""
    strips = [interval_strip(metrics_of(record, section, name)) for name in metric_names(record, section)]
    return table(headline_table(record, section), strips=strips, systems=len(record.systems))


def table(content: Table, *, strips: list[Markup] | None = None, systems: int = 0) -> Markup:
    """HTML table with the same cells as the Markdown.

    strips: one drawing per row, inserted as the second column. systems: number of columns after the first whose head
    has a system's mark.
    """
    head = [
        element("th", join(legend_mark(index - 1), name) if 0 < index <= systems else name, scope="col")
        for index, name in enumerate(content.head)
    ]
    if strips is not None:
        head.insert(1, element("th", "on one scale", scope="col"))
    rows = []
    for index, row in enumerate(content.rows):
        cells = [element("th", row[0].text, scope="row"), *(_cell(cell) for cell in row[1:])]
        if strips is not None:
            cells.insert(1, element("td", strips[index], class_="strip"))
        rows.append(element("tr", *cells))
    drawn = element("table", element("thead", element("tr", *head)), element("tbody", *rows))
    about = element("p", content.about, class_="about") if content.about else Markup("")
    return join(element("div", drawn, class_="wide"), about)


def _cell(cell: Cell) -> Markup:
    """Numbers do not wrap; cells longer than `LONG` (sentences, hashes) do."""
    text = element("b", cell.text) if cell.best else cell.text
    note = element("small", cell.note) if cell.note else ""
    return element("td", text, note, class_="words" if len(cell.text) > LONG else None)


def _titled(title: str, content: Table) -> Markup:
    return join(element("h4", title), table(content)) if content.rows else Markup("")


def _figures(record: Record, media: Media) -> Iterator[Markup]:
    for direction, in_direction in by_direction(record).items():
        number = 2 if direction == "video_to_audio" else 3
        yield element("h3", f"{DIRECTION_NAMES[direction].capitalize()}: events (the paper's figure {number})")
        for section in in_direction:
            for example in examples(record, section):
                yield _example(record, section, example, media)
        yield element("h3", f"{DIRECTION_NAMES[direction].capitalize()}: distances (the paper's figure 4)")
        words = BOX_CAPTION
        for name in unique(name for section in in_direction for name in distance_names(record, section)):
            yield picture(png(draw_boxes(record, in_direction, name)), f"{name}. {words}", chart=True)
            words = "Boxes and crosses as above."
    if record.delays:
        yield element("h3", "Sound that is late")
    for response in record.delays:
        caption = f"{response.group or 'All clips'}. {delay_caption(record, response)}"
        yield picture(png(draw_delays(record, response)), caption, chart=True)
        yield table(delay_table(response))


def _example(record: Record, section: Section, example: Example, media: Media) -> Markup:
    """Shows the middle clip; the other examples are collapsed until clicked."""
    systems = list(results_of(record, section))
    try:
        content = png(draw_example(example, section, record.protocol, media))
    except InputError as error:
        return element("p", f"No figure of the {example.rank} clip of {section.group_name}: {error}", class_="absent")
    drawn = picture(content, f"{section.group_name}. {example_caption(example, section, systems)}")
    if example.rank == "middle":
        return drawn
    return element("details", element("summary", f"The {example.rank} clip of {section.group_name}"), drawn)


def picture(content: bytes, caption: str, *, chart: bool = False) -> Markup:
    """Embeds a PNG; the caption is also its alt text. chart: dark mode may invert it, unlike frames."""
    image = element("img", src=data_address(content, "image/png"), alt=caption)
    inner = element("div", image, class_="wide")
    return element("figure", inner, element("figcaption", caption), class_="chart" if chart else "frames")


def _failures(record: Record) -> Markup:
    return table(failure_table(record)) if record.failures else element("p", "No clip failed.")


def _memorisation(record: Record) -> Markup:
    counts = copies_table(record)
    if not counts.rows:
        return element("p", "Not looked for: no training clips were given.")
    return join(table(counts), element("h3", "Nearest training clips"), table(nearest_table(record)))


def _clips(record: Record, media: Media) -> Iterator[Markup]:
    words = "are in this page" if media.embedded else "lie beside this page: move them together"
    yield element(
        "p",
        f"The media files {words}. Under every generated clip: true events above, its own below; joined discs meet, a"
        " ring is missed, a cross has no true event.",
        class_="about",
    )
    for section in sections(record):
        heading = element("h3", f"{DIRECTION_NAMES[section.direction].capitalize()}, {section.group_name}")
        yield element("div", heading, players(record, section, media), class_="part")
