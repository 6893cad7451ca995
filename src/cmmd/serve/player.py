"""HTML of a finished generation: the player over the frames and the spectrogram, and the takes side by side (ours).

`assets/page.js` connects its elements: it selects takes, switches between generated and original sound, and moves the
playhead. All texts are escaped; addresses are relative, so that the page also works behind a proxy.
"""

from html import escape
from pathlib import Path
from urllib.parse import quote

from cmmd.evaluation.pictures import PLOT
from cmmd.serve.generating import Generation, TakeFiles

FILE_ROUTE = "gradio_api/file="
SCORE_HELP = (
    "The model's own score of how well sound and picture fit in time: 1 at most, 0 if the take does not depend on when "
    "something happens"
)
EMPTY = (
    '<div class="cmmd-empty"><strong>Your takes appear here</strong>'
    "<span>With a player, the frames over the spectrogram, and downloads.</span></div>"
)


def address(file: Path) -> str:
    """Returns the address of a file that the server may serve, relative to the page."""
    return FILE_ROUTE + quote(str(file))


def result_html(generation: Generation) -> str:
    """Returns the result as HTML. The best take is selected, or the first one."""
    selected = next((number for number, take in enumerate(generation.takes) if take.best), 0)
    first = generation.takes[selected]
    warning = "" if generation.warning is None else _notice("warning", generation.warning)
    cards = "".join(_card(take, number, number == selected) for number, take in enumerate(generation.takes))
    notes = "".join(f"<li>{escape(note)}</li>" for note in generation.notes)
    return (
        f'<section class="cmmd-result" aria-label="Result">{warning}'
        f'<div class="cmmd-screen"><video class="cmmd-video" controls loop playsinline preload="metadata" '
        f'src="{address(first.video)}"></video></div>'
        f'<div class="cmmd-bar">{_switch(generation)}<p class="cmmd-facts">{escape(_facts(generation))}</p></div>'
        f"{_timeline(first)}"
        f'<div class="cmmd-takes" role="group" aria-label="Takes">{cards}</div>'
        + (f'<details class="cmmd-notes"><summary>Remarks</summary><ul>{notes}</ul></details>' if notes else "")
        + "</section>"
    )


def rounded(score: float) -> str:
    """Returns a score with two digits, without a sign if it is 0."""
    return f"{round(score, 2) + 0.0:.2f}"


def error_html(message: str) -> str:
    """Returns a message about a request that failed."""
    return _notice("error", message)


def _notice(kind: str, message: str) -> str:
    title = {"warning": "Beyond what the model has learnt", "error": "This did not work"}[kind]
    text = message.removeprefix(f"{title.lower()}: ")
    text = text[:1].upper() + text[1:] if kind == "warning" else text
    return f'<div class="cmmd-notice cmmd-{kind}" role="alert"><strong>{title}</strong> {escape(text)}</div>'


def _switch(generation: Generation) -> str:
    """The switch between the sound of the take and the sound of the source, if the source has one."""
    if generation.original is None:
        return ""
    new = {"audio": "Generated sound", "video": "Generated clip", "both": "Generated clip"}[generation.order.target]
    old = "Original sound" if generation.order.target == "audio" else "Original clip"
    return (
        f'<div class="cmmd-switch" role="group" aria-label="Compare" data-original="{address(generation.original)}">'
        f'<button type="button" data-plays="take" aria-pressed="true">{new}</button>'
        f'<button type="button" data-plays="original" aria-pressed="false">{old}</button></div>'
    )


def _facts(generation: Generation) -> str:
    order = generation.order
    parts = [f"{order.sampling.steps} steps", f"guidance {generation.takes[0].guidance:g}", f"seed {order.seed}"]
    return " · ".join([*parts, f"{generation.seconds:.1f} s to compute"])


def _timeline(take: TakeFiles) -> str:
    """The picture of frames and spectrogram with a playhead; data-left and data-right are the ends of its time axis."""
    left, right = PLOT
    return (
        '<div class="cmmd-scroll"><div class="cmmd-timeline" '
        f'data-left="{left}" data-right="{right}"><img src="{address(take.picture)}" '
        'alt="Frames over the spectrogram. Triangles mark the events that are seen and heard.">'
        '<i class="cmmd-playhead"></i></div></div>'
    )


def _card(take: TakeFiles, number: int, selected: bool) -> str:
    score = "" if take.alignment is None else f'<span title="{SCORE_HELP}">match {rounded(take.alignment)}</span>'
    best = '<em class="cmmd-best">best</em>' if take.best else ""
    downloads = "".join(
        f'<a href="{address(file)}" download="{escape(file.name)}" title="{escape(file.name)}">{label}</a>'
        for label, file in (("MP4", take.video), ("WAV", take.sound), ("PNG", take.picture))
    )
    return (
        f'<article class="cmmd-take" data-video="{address(take.video)}" data-picture="{address(take.picture)}" '
        f'data-selected="{str(selected).lower()}">'
        f'<button type="button" class="cmmd-choose" aria-pressed="{str(selected).lower()}">'
        f'<img src="{address(take.picture)}" alt=""><b>Take {number + 1}{best}</b>'
        f"<small>{score}<span>seed {take.seed}</span></small></button>"
        f'<div class="cmmd-downloads">{downloads}</div></article>'
    )
