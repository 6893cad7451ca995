"""The tabs of the page: one per task, with its inputs on the left and its results on the right (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from cmmd.serve.examples import Example
from cmmd.serve.limits import Limits
from cmmd.serve.order import Task
from cmmd.serve.player import empty_html


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskText:
    """Texts of a tab. source: label of the upload; None without one."""

    title: str
    lead: str
    button: str
    source: str | None = None


TEXTS: dict[Task, TaskText] = {
    "sound": TaskText(
        title="Video to sound",
        lead="Generates sound for a video. The picture stays as it is.",
        button="Generate sound",
        source="Video",
    ),
    "video": TaskText(
        title="Sound to video",
        lead="Generates a video for a sound. The sound stays as it is.",
        button="Generate video",
        source="Sound",
    ),
    "both": TaskText(
        title="Both from nothing", lead="Generates a video together with its sound.", button="Generate video and sound"
    ),
    "keep": TaskText(
        title="Keep a stretch",
        lead="Keeps a stretch of a clip and generates the rest to match it.",
        button="Generate the rest",
        source="Video with sound",
    ),
}
REMAINDER = [("Sound", "audio"), ("Picture", "video"), ("Both", "both")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """The components of a tab. inputs: by the names that `read_order` expects. picks: the buttons of the examples, each
    with the example that it loads."""

    task: Task
    inputs: dict[str, Any]
    picks: tuple[tuple[gr.Button, Example], ...]
    generate: gr.Button
    cancel: gr.Button
    progress: gr.HTML
    result: gr.HTML


def build_tab(task: Task, examples: Sequence[Example], limits: Limits) -> Tab:
    """Adds a tab to the page that is being built."""
    text = TEXTS[task]
    with gr.Tab(text.title, id=task, elem_id=f"tab-{task}"), gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=320):
            gr.HTML(f'<p class="cmmd-lead">{text.lead}</p>')
            inputs, picks = _inputs(task, examples, limits)
            inputs |= _settings(task, limits)
            generate = gr.Button(text.button, variant="primary", elem_id=f"generate-{task}")
        with gr.Column(scale=7, min_width=320):
            with gr.Row(elem_classes="cmmd-running"):
                progress = gr.HTML(visible=False, min_width=200, elem_id=f"progress-{task}")
                cancel = gr.Button("Cancel", visible=False, scale=0, min_width=96, elem_id=f"cancel-{task}")
            result = gr.HTML(empty_html(), elem_id=f"result-{task}")
    return Tab(
        task=task, inputs=inputs, picks=picks, generate=generate, cancel=cancel, progress=progress, result=result
    )


def example_file(task: Task, example: Example) -> str:
    """Returns the file of an example that a task starts from."""
    return str({"sound": example.silent, "video": example.sound}.get(task, example.scene))


def _inputs(
    task: Task, examples: Sequence[Example], limits: Limits
) -> tuple[dict[str, Any], tuple[tuple[gr.Button, Example], ...]]:
    inputs: dict[str, Any] = {}
    label, picks = TEXTS[task].source, ()
    if label is not None:
        name, height = f"source-{task}", 260
        if task == "video":
            inputs["source"] = gr.Audio(label=label, sources=["upload", "microphone"], type="filepath", elem_id=name)
        else:
            inputs["source"] = gr.Video(label=label, sources=["upload"], height=height, elem_id=name)
        picks = _examples(task, examples, limits)
    if task == "keep":
        inputs["target"] = gr.Radio(REMAINDER, value="audio", label="Generate", elem_id="target-keep")
        with gr.Row():
            inputs["start"] = gr.Number(0, label="Keep from (s)", minimum=0, min_width=100, step=0.1)
            inputs["end"] = gr.Number(0.8, label="Keep to (s)", minimum=0, min_width=100, step=0.1)
        inputs["seconds"] = _length_of_rest(inputs["target"])
    if task == "both":
        inputs["seconds"] = gr.Number(
            min(1.6, limits.seconds),
            label="Length (s)",
            minimum=0.1,
            maximum=limits.seconds,
            step=0.1,
            elem_id="seconds-both",
        )
    return inputs, picks


def _length_of_rest(target: gr.Radio) -> gr.Textbox:
    """Adds the length of a result in which picture and sound are generated; it is hidden for the other targets."""
    length = gr.Textbox(
        label="Length (s)",
        info="More than the clip's length continues it",
        placeholder="as long as the clip",
        visible=False,
        elem_id="seconds-keep",
    )

    def show(chosen: str) -> gr.Textbox:
        return gr.Textbox(visible=chosen == "both")

    target.change(show, target, length, show_progress="hidden", api_visibility="private")
    return length


def _examples(task: Task, examples: Sequence[Example], limits: Limits) -> tuple[tuple[gr.Button, Example], ...]:
    """Adds a row of buttons that load an example, and the limits of an upload."""
    with gr.Row(elem_classes="cmmd-examples"):
        gr.HTML('<span class="cmmd-label">Examples</span>', min_width=0)
        buttons = [
            gr.Button(one.title, size="sm", scale=0, elem_id=f"example-{task}-{one.title.lower()}") for one in examples
        ]
        most = f"up to {limits.upload_megabytes} MB, {limits.seconds:g} s"
        gr.HTML(f'<span class="cmmd-label">{most}</span>', min_width=0, elem_classes="cmmd-most")
    return tuple(zip(buttons, examples, strict=True))


def _settings(task: Task, limits: Limits) -> dict[str, Any]:
    """Adds the settings that all tasks have."""
    wide: dict[str, Any] = {"step": 1, "min_width": 200}
    with gr.Row():
        takes = gr.Slider(1, limits.takes, 1, label="Takes", elem_id=f"takes-{task}", **wide)
        steps = gr.Slider(1, limits.steps, min(25, limits.steps), label="Steps", elem_id=f"steps-{task}", **wide)
    with gr.Row():
        seed = gr.Number(
            -1, label="Seed", info="-1: a random one", precision=0, minimum=-1, min_width=100, elem_id=f"seed-{task}"
        )
        guidance = gr.Textbox(  # an empty gr.Number is sent as 0, which is another guidance
            label="Guidance",
            info="Empty: the model's",
            placeholder="auto",
            min_width=100,
            elem_id=f"guidance-{task}",
        )
        temperature = gr.Textbox(
            label="Temperature",
            info="Empty: the model's",
            placeholder="auto",
            min_width=100,
            elem_id=f"temperature-{task}",
        )
    return {"takes": takes, "steps": steps, "seed": seed, "guidance": guidance, "temperature": temperature}
