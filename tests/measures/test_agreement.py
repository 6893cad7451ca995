"""The model's own score: its errors written out, windows, takes, and what it is worth on a model that hears."""

import pytest
import torch

from cmmd.data.world.families import world_clip
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import diffuse, prediction_target
from cmmd.errors import InputError
from cmmd.measures.agreement import SHIFTS, TIME, UNKNOWN_BELOW, agreement, unknown_condition
from cmmd.pipeline import CMMDPipeline


def test_it_is_one_minus_the_error_over_that_under_shifted_conditions(pipeline):
    video, audio = pipeline.noise("video", 16, seed=1, items=1), pipeline.noise("audio", 16, seed=2, items=2)
    found = agreement(pipeline.unet, video, audio, target="audio", window=16, seed=3)
    noise = torch.randn(audio.shape[1:], generator=torch.Generator().manual_seed(3))
    t = torch.full((1, 16), TIME)
    condition = pipeline.unet.encode_condition(video, modality="video")
    said = [condition, *(circularly_shifted(condition, frames=16, turn=turn) for turn in range(SHIFTS))]
    for item in range(2):
        noisy = diffuse(audio[[item]], noise[None], t)
        aim = prediction_target(audio[[item]], noise[None], t, prediction_type="v_prediction")
        errors = [
            (pipeline.unet.predict(noisy, modality="audio", t=t, condition=one) - aim).square().mean() for one in said
        ]
        expected = 1 - errors[0] / torch.stack(errors[1:]).mean()
        torch.testing.assert_close(found[item], expected, rtol=1e-4, atol=1e-6)


def test_a_take_has_the_same_score_alone_and_beside_others(pipeline):
    video, audio = pipeline.noise("video", 40, seed=1, items=1), pipeline.noise("audio", 40, seed=2, items=3)
    together = agreement(pipeline.unet, video, audio, target="audio", window=16)
    alone = [agreement(pipeline.unet, video, one[None], target="audio", window=16) for one in audio]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("clean_hears", "shared_time"), [(True, False), (False, True)])
def test_models_whose_conditions_are_not_encoded_are_refused_before_any_work(
    pipeline_of_sizes, clean_hears, shared_time
):
    model = pipeline_of_sizes(clean_hears=clean_hears, shared_time=shared_time)
    with pytest.raises(InputError, match="found no encoded condition"):
        model.joint(judge=True, steps=1, on_step=lambda _: pytest.fail("a step was made"))


def test_takes_have_a_score_where_it_is_asked_for(pipeline):
    clip = world_clip("impacts", 5, frames=16)
    for make in (
        lambda judge: pipeline.video_to_audio(clip.frames, steps=2, takes=2, judge=judge),
        lambda judge: pipeline.audio_to_video(clip.waveform, steps=2, takes=2, judge=judge),
        lambda judge: pipeline.joint(steps=2, takes=2, judge=judge),
    ):
        assert [take.alignment for take in make(False)] == [None, None]
        first, second = make(True)
        assert first.alignment != second.alignment and max(first.alignment, second.alignment) < 1


def test_the_shipped_model_tells_true_sound_from_shifted_sound():
    pipeline = CMMDPipeline.from_pretrained()
    scores = []
    for seed in range(4):
        clip = world_clip("impacts", 6_000_000 + seed)
        condition, true = pipeline.encode_video(clip.frames), pipeline.encode_audio(clip.waveform)
        scores.append(pipeline.agreement(condition, torch.cat([true, true.roll(40, -1)]), "video_to_audio"))
    for true, shifted in scores:
        assert true > shifted + 0.1


def test_the_best_take_says_whether_a_condition_is_unlike_the_training_data():
    said = unknown_condition([0.07, None, -0.2])
    assert said is not None and said.startswith("beyond what the model has learnt: the best take scores 0.07,")
    assert "\n" not in said and f"score {UNKNOWN_BELOW} or more" in said
    assert "scores 0.00" in (unknown_condition([-0.001]) or "")
    assert unknown_condition([0.07, UNKNOWN_BELOW]) is None
    assert "score 0.7 or more" in (unknown_condition([0.6], limit=0.7) or "")
    assert unknown_condition([None]) is None and unknown_condition([]) is None
