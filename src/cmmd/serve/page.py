"""The page: its tabs, connected to the service (ours). This module and `tabs.py` are the only ones that know gradio."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import gradio as gr
from gradio.themes import Default

from cmmd.serve.examples import Example
from cmmd.serve.order import Task
from cmmd.serve.service import Service, View
from cmmd.serve.tabs import Tab, build_tab, example_file

ASSETS = Path(__file__).parent / "assets"
HEAD = """
<div class="cmmd-head"><h1>CMMD</h1><p>Sound for video, video for sound, or both, from one model.</p></div>
"""


def build_page(service: Service, examples: Sequence[Example]) -> gr.Blocks:
    """Builds the page. It is not served yet."""
    with gr.Blocks(title="CMMD", analytics_enabled=False, fill_width=True) as page:
        gr.HTML(HEAD)
        with gr.Tabs(overflow_behavior="wrap"):
            tabs = [build_tab(task, examples, service.limits) for task in get_args(Task)]
        for tab in tabs:
            _connect(tab, service)

        def leave(request: gr.Request) -> None:
            service.close(_session(request))

        page.unload(leave)
    # All jobs wait in the service's queue, which limits them and shows each its position.
    page.queue(default_concurrency_limit=None)
    return page


def page_look() -> dict[str, Any]:
    """Returns the arguments of `launch` that set the look. All fonts are those of the system."""
    theme = Default(
        primary_hue="blue",
        secondary_hue="blue",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    theme.set(body_text_color_subdued="*neutral_600", block_info_text_color="*neutral_600")
    script = (ASSETS / "page.js").read_text()
    return {
        "theme": theme,
        "css": (ASSETS / "page.css").read_text(),
        "head": f"<script>{script}</script>",
        "favicon_path": str(ASSETS / "favicon.svg"),
    }


def _connect(tab: Tab, service: Service) -> None:
    """Connects the buttons of a tab."""
    names, outputs = list(tab.inputs), [tab.progress, tab.result, tab.generate, tab.cancel]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    async def run(request: gr.Request, *values: Any) -> AsyncIterator[list[Any]]:
        async for view in service.run(_session(request), tab.task, dict(zip(names, values, strict=True))):
            yield _updates(view)

    def cancel(request: gr.Request) -> None:
        service.jobs.cancel(_session(request))

    tab.generate.click(run, list(tab.inputs.values()), outputs, concurrency_limit=None, **quiet)
    tab.cancel.click(cancel, None, None, queue=False, **quiet)
    for button, example in tab.picks:
        button.click(_loader(example_file(tab.task, example)), None, tab.inputs["source"], **quiet)


def _loader(file: str) -> Callable[[], str]:
    return lambda: file


def _updates(view: View) -> list[Any]:
    """Values of progress, result, the button that generates and the one that cancels."""
    return [
        gr.HTML(view.progress, visible=bool(view.progress)),
        gr.skip() if view.result is None else view.result,
        gr.Button(interactive=not view.running),
        gr.Button(visible=view.running),
    ]


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
