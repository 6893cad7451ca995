"""Listening: who hears whom in which order, against loops over rows and blocks; and that skips carry what was heard."""

from typing import Any

import pytest
import torch
from literal_network import Order, Row, condition_in_order, literal_pass
from small_network import FUSIONS, MODALITIES, awake, inputs, same
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Listening, Prediction

STRAIGHT: Order = (0, 1)
SWAPPED: Order = (1, 0)
# A batch as training makes it. Items 0, 1 make sound from video, 2, 3 video from sound, 4 makes both. Then a row that
# speaks only (the condition at another speed), then contrasted targets, which never speak.
VIDEO_TARGETS = ((3, STRAIGHT), (2, SWAPPED), (5, STRAIGHT))
AUDIO_TARGETS = ((1, STRAIGHT), (0, SWAPPED), (5, SWAPPED), (4, SWAPPED))
SPEAKERS = 6


def listening(targets: tuple[tuple[int, Order], ...]) -> Listening:
    own = [(item, STRAIGHT) for item in (0, 1, 2, 3, 4, 0)]
    speaker, order = zip(*own, *targets, strict=True)
    return Listening(SPEAKERS, torch.tensor(speaker), torch.tensor(order))


@pytest.fixture
def batch() -> dict[str, Any]:
    """Arguments of `denoise`; nothing in it is at a time of its own but the items that a target repeats."""
    video, audio, t = inputs(batch=SPEAKERS)
    clean = torch.zeros(1, dtype=torch.float64)
    t_video = torch.cat([clean, clean, t[2:5], clean])
    t_audio = torch.cat([t[:2], clean, clean, 1.1 - t[4:5], clean])
    repeated = {"video": [2, 3, 2], "audio": [0, 1, 0, 4]}
    return {
        "video": torch.cat([video, video[repeated["video"]]]),
        "audio": torch.cat([audio, audio[repeated["audio"]]]),
        "t_video": torch.cat([t_video, t_video[repeated["video"]]]),
        "t_audio": torch.cat([t_audio, t_audio[repeated["audio"]]]),
        "video_listening": listening(VIDEO_TARGETS),
        "audio_listening": listening(AUDIO_TARGETS),
    }


def denoised(model: CoupledUNet, batch: dict[str, Any], **changes: Any) -> Prediction:
    arguments = batch | changes
    return model.denoise(arguments.pop("video"), arguments.pop("audio"), **arguments)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("target", MODALITIES)
def test_a_row_predicts_as_alone_under_the_condition_that_it_hears(batch, target: Modality, fusion):
    model = awake(**FUSIONS[fusion])
    found = getattr(denoised(model, batch), target)
    noisy, t = batch[target], batch[f"t_{target}"]
    heard: Listening = batch[f"{target}_listening"]
    spoken, spoken_at = batch[OTHER[target]], batch[f"t_{OTHER[target]}"]
    checked = 0
    for row in range(len(noisy)):
        speaker = int(heard.speaker[row])
        if spoken_at[speaker]:  # what it says depends on what it hears itself
            continue
        condition = model.encode_condition(spoken[speaker : speaker + 1], modality=OTHER[target])
        condition = condition_in_order(condition, tuple(heard.order[row].tolist()))
        alone = model.predict(noisy[row : row + 1], modality=target, t=t[row : row + 1], condition=condition)
        same(found[row : row + 1], alone)
        checked += 1
    assert checked == len(noisy) - 4


@pytest.mark.parametrize("network", [*FUSIONS.values(), {"blocks_per_level": 2}, {"clean_hears": True}])
@pytest.mark.parametrize("turn", [0.0, 0.6])
def test_a_pass_is_that_of_loops_over_stages_rows_and_blocks(batch, network, turn):
    model = awake(**network)
    hears = {"video": torch.ones(9, dtype=torch.bool), "audio": torch.ones(10, dtype=torch.bool)}
    hears["video"][[3, 7]] = False
    hears["audio"][[1, 7]] = False
    found = denoised(model, batch, video_hears=hears["video"], audio_hears=hears["audio"], turn=turn)
    rows: dict[Modality, list[Row]] = {}
    for name in MODALITIES:
        heard: Listening = batch[f"{name}_listening"]
        listens = [
            bool(hears[name][row]) and (model.clean_hears or bool(t != 0)) for row, t in enumerate(batch[f"t_{name}"])
        ]
        rows[name] = [
            Row(int(heard.speaker[row]) if listens[row] else None, tuple(heard.order[row].tolist()))
            for row in range(len(listens))
        ]
    latents: dict[Modality, Tensor] = {name: batch[name] for name in MODALITIES}
    times: dict[Modality, Tensor] = {name: batch[f"t_{name}"][:, None].expand(-1, 4) for name in MODALITIES}
    expected = literal_pass(model, latents, times, rows, turn=turn)
    same(found.video, expected["video"])
    same(found.audio, expected["audio"])


@pytest.mark.parametrize("name", MODALITIES)
def test_rows_beyond_the_speakers_never_speak(batch, name: Modality):
    model = awake()
    first = denoised(model, batch)
    broken = batch[name].clone()
    broken[SPEAKERS:] = torch.nan
    found = denoised(model, batch, **{name: broken})
    assert torch.equal(getattr(found, OTHER[name]), getattr(first, OTHER[name]))
    assert torch.equal(getattr(found, name)[:SPEAKERS], getattr(first, name)[:SPEAKERS])


def test_without_a_listening_rows_hear_the_item_of_their_number(batch):
    model = awake()
    items = {name: batch[name][:5] for name in ("video", "audio", "t_video", "t_audio")}
    straight = Listening(5, torch.arange(5), torch.tensor([STRAIGHT] * 5))
    told = denoised(model, items, video_listening=straight, audio_listening=straight)
    same(tuple(told), tuple(denoised(model, items)))
    turned = Listening(5, torch.arange(5), torch.tensor([SWAPPED] * 5))
    changed = denoised(model, items, audio_listening=turned)
    assert (told.audio - changed.audio).abs().amax((1, 2, 3))[[0, 1, 4]].min() > 1e-4


@pytest.mark.parametrize("target", MODALITIES)
def test_a_skip_carries_what_was_heard(target: Modality):
    """The first ear alone works, and the last stage sees its skip alone: what reaches the output went through it."""
    model = awake()
    unet = model.video_unet if target == "video" else model.audio_unet
    last = len(model.fusions) - 1
    with torch.no_grad():
        for fusion in list(model.fusions)[1:]:
            ear = fusion.get_submodule(f"ears.{target}.project")
            for parameter in ear.parameters():
                parameter.zero_()
        for parameter in unet.get_submodule(f"stages.{last}.resample.project").parameters():
            parameter.zero_()
    video, audio, t = inputs()
    latents: dict[Modality, Tensor] = {"video": video, "audio": audio}
    condition = model.encode_condition(latents[OTHER[target]], modality=OTHER[target])

    def predicted(heard: bool) -> Tensor:
        given = condition if heard else None
        return model.predict(latents[target], modality=target, t=t, condition=given)

    assert (predicted(True) - predicted(False)).abs().max() > 1e-4
    times = {f"t_{OTHER[target]}": 0 * t, f"t_{target}": t}
    same(getattr(model(video, audio, **times), target), predicted(True))
