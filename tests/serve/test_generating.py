"""The unit of work: files of all takes under new names, the best one, cancellation that stops the computation."""

import re
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cmmd.clips.reading import probe, read_clip
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.serve import generating
from cmmd.serve.generating import Cancelled, generate, result_stem
from cmmd.serve.stages import Stage


def run(pipeline, order, folder: Path, *, cancelled=None, on_stage=lambda stage: None, longest=60.0):
    cancelled = cancelled or threading.Event()
    return generate(pipeline, order, folder, longest=longest, cancelled=cancelled, on_stage=on_stage)


def test_sound_for_a_video_is_a_file_to_play_and_one_to_listen_to(pipeline, order, scene, tmp_path):
    stages: list[Stage] = []
    made = run(pipeline, order(takes=2), tmp_path, on_stage=stages.append)
    assert [take.seed for take in made.takes] == [5, 6]
    for number, take in enumerate(made.takes, start=1):
        assert re.fullmatch(rf"scene-cmmd-{take.seed}-{number}-[0-9a-f]{{6}}\.mp4", take.video.name)
        assert probe(take.video).has_video and probe(take.video).has_audio
        assert probe(take.sound).seconds == pytest.approx(1.6, abs=0.01)
        assert Image.open(take.picture).size[0] == 1600
    # The picture is that of the source; the original has its own sound, the take has another one.
    assert made.original is not None
    own, heard, other = (read_clip(file) for file in (scene, made.original, made.takes[0].video))
    assert own.frames is not None and other.frames is not None and own.waveform is not None
    np.testing.assert_array_equal(own.frames, other.frames)
    assert heard.waveform is not None and other.waveform is not None
    assert np.corrcoef(own.waveform, heard.waveform)[0, 1] > 0.98
    assert abs(np.corrcoef(own.waveform, other.waveform[: len(own.waveform)])[0, 1]) < 0.5
    assert [stage.text for stage in stages] == [
        *("Reading", "Take 1 of 2", "Take 1 of 2", "Take 2 of 2", "Take 2 of 2"),
        *("Writing take 1 of 2", "Writing take 2 of 2"),
    ]


def test_every_take_is_that_of_the_pipeline_with_its_seed(pipeline, order, scene, tmp_path):
    made = run(pipeline, order(takes=2), tmp_path)
    expected = pipeline.video_to_audio(scene, seed=6, steps=2)[0]
    found = read_clip(made.takes[1].sound, want="audio").waveform
    assert found is not None
    np.testing.assert_allclose(found, expected.waveform, atol=2 / 32768)


def test_the_take_with_the_highest_score_is_the_best(pipeline, order, tmp_path):
    made = run(pipeline, order(takes=3), tmp_path)
    scores = [take.alignment for take in made.takes if take.alignment is not None]
    assert len(scores) == 3 and scores.index(max(scores)) == [take.best for take in made.takes].index(True)


def test_one_of_equal_takes_is_the_best(pipeline, order, tmp_path):
    sampling = SamplingConfig(steps=1, temperature=0)  # so that all takes are equal
    made = run(pipeline, order(takes=3, sampling=sampling), tmp_path)
    assert len({take.alignment for take in made.takes}) == 1
    assert [take.best for take in made.takes] == [True, False, False]


def test_a_single_take_is_not_called_the_best_and_a_random_model_is_told(pipeline, order, tmp_path):
    made = run(pipeline, order(), tmp_path)
    assert not made.takes[0].best
    assert made.warning is not None and made.warning.startswith("beyond what the model has learnt")


def test_a_model_without_a_score_has_no_best_take(shared_time_pipeline, order, tmp_path):
    made = run(shared_time_pipeline, order(takes=2), tmp_path)
    assert [(take.alignment, take.best) for take in made.takes] == [(None, False)] * 2
    assert made.warning is None


def test_the_same_order_never_writes_a_name_twice(pipeline, order, tmp_path):
    first, second = (run(pipeline, order(), tmp_path).takes[0] for _ in range(2))
    assert {first.video, first.sound, first.picture}.isdisjoint({second.video, second.sound, second.picture})
    assert first.sound.read_bytes() == second.sound.read_bytes()


def test_other_directions(pipeline, order, scene, tmp_path):
    video = run(pipeline, order(target="video", source=scene.with_name("sound.wav")), tmp_path)
    assert video.original is None and probe(video.takes[0].video).video.width == 64
    joint = run(pipeline, order(target="both", source=None, seconds=2.0), tmp_path)
    assert joint.takes[0].video.name.startswith("joint-cmmd-5-1-") and joint.takes[0].seconds == 2.0
    assert joint.original is None and joint.warning is None
    rest = run(pipeline, order(target="both", keep=((0.0, 0.8),), seconds=2.4), tmp_path)
    assert rest.takes[0].seconds == pytest.approx(2.4) and rest.original is not None


def test_a_kept_stretch_is_that_of_the_clip(pipeline, order, scene, tmp_path):
    made = run(pipeline, order(keep=((0.0, 0.8),)), tmp_path)
    found, own = (read_clip(file, want="audio").waveform for file in (made.takes[0].sound, scene))
    assert found is not None and own is not None
    np.testing.assert_allclose(found[:12_000], own[:12_000], atol=1e-4)
    assert np.abs(found[14_000:25_000] - own[14_000:25_000]).max() > 0.01


def test_a_silent_source_has_no_original_to_compare_with(pipeline, order, scene, tmp_path):
    assert run(pipeline, order(source=scene.with_name("silent.mp4")), tmp_path).original is None


def test_cancelling_stops_the_computation(pipeline, order, tmp_path, monkeypatch):
    passes = []
    original = pipeline.unet.predict
    monkeypatch.setattr(pipeline.unet, "predict", lambda *a, **k: passes.append(1) or original(*a, **k))
    cancelled = threading.Event()

    def cancel_at_3(stage: Stage) -> None:
        if stage.done == 3:
            cancelled.set()

    with pytest.raises(Cancelled):
        run(pipeline, order(steps=40, takes=4), tmp_path, cancelled=cancelled, on_stage=cancel_at_3)
    assert 3 <= len(passes) <= 8  # the step at which it was cancelled, and at most two passes for each of them
    assert list(tmp_path.iterdir()) == []


def test_cancelling_before_the_start_reads_nothing(pipeline, order, tmp_path, monkeypatch):
    monkeypatch.setattr(generating, "_takes", lambda *_: pytest.fail("the source was read"))
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        run(pipeline, order(), tmp_path, cancelled=cancelled)


@pytest.mark.parametrize(
    ("target", "name", "told"),
    [
        ("audio", "text.mp4", "text.mp4: found 1100 bytes that are no known media format"),
        ("audio", "gone.mp4", "gone.mp4: found no such file"),
        ("audio", "empty.mp4", "empty.mp4: found "),
        ("audio", "sound.wav", "sound.wav: found no video that can be decoded"),
        ("video", "silent.mp4", "silent.mp4: found no audio that can be decoded"),
    ],
)
def test_a_bad_source_is_one_line_without_its_folder(pipeline, order, scene, tmp_path, target, name, told):
    source = scene.with_name(name) if scene.with_name(name).exists() else tmp_path / name
    if name == "text.mp4":
        source.write_text("not a clip\n" * 100)
    if name == "empty.mp4":
        source.touch()
    with pytest.raises(InputError) as raised:
        run(pipeline, order(target=target, source=source), tmp_path)
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value) and str(source.parent) not in str(raised.value)


def test_a_clip_beyond_the_limit_is_refused(pipeline, order, tmp_path):
    with pytest.raises(InputError, match=r"^scene.mp4: found more than 1.2 s, expected at most 1.2 s$"):
        run(pipeline, order(), tmp_path, longest=1.2)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a b;c.mp4", "a_b_c"),
        ("übung.1.mp4", "übung.1"),
        ("..mp4", "clip"),
        ("'\"<>.mp4", "clip"),
        ("x" * 200 + ".mp4", "x" * 60),
    ],
)
def test_names_of_results_are_plain(name, stem):
    assert result_stem(Path("folder") / name) == stem
