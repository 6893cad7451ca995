"""True sound delayed by known times: lag reads each back, and each measure answers as its definition says."""

import numpy as np
import pytest

from cmmd.data.world.clip import Family
from cmmd.data.world.families import world_clip
from cmmd.evaluation.backbones.backbone import Embedding
from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.measuring.delay_response import DELAYS, delay_response, delayed
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.measures.beat_agreement import beat_times
from cmmd.measures.motion import motion_peaks, motion_rests
from cmmd.measures.sound_onsets import sound_onsets


def world_features(family: Family, seed: int, tmp_path) -> ClipFeatures:
    clip = world_clip(family, seed)
    moved = motion_peaks(clip.frames, fps=10)
    embeddings: dict[str, Embedding] = {}
    return ClipFeatures(
        clip=ListedClip(name=str(seed), file=tmp_path / "x.mp4", events=tuple(clip.event_times.tolist()), group=family),
        seconds=1.6,
        heard=sound_onsets(clip.waveform).times,
        sound_beats=beat_times(clip.waveform, sample_rate=16_000),
        seen=moved,
        moved=moved,
        rests=motion_rests(clip.frames, fps=10),
        waveform=clip.waveform,
        frames=clip.frames,
        embeddings=embeddings,
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", ["impacts", "dance"])
def test_lag_reads_every_delay_back_and_the_others_follow(family, tmp_path):
    clips = [world_features(family, 1_000_000 + seed, tmp_path) for seed in range(12)]
    response = delay_response(clips, group=family, fps=10, world=True)
    assert response is not None and response.clips == 12
    curves = {curve.metric: np.array(curve.values) for curve in response.curves}
    assert curves["lag"] == pytest.approx(DELAYS, abs=0.01)
    assert curves["median absolute offset"][:3] == pytest.approx(DELAYS[:3], abs=0.01)
    at_50, at_100 = curves["onset F1 at 50 ms"], curves["onset F1 at 100 ms"]
    assert min(at_50[:2]) > 0.8 and at_50[2] < 0.5  # some events are pushed over the end
    assert min(at_100[:3]) > 0.8 and at_100[3] < 0.6
    assert curves["log-mel L1"][0] == 0 and (np.diff(curves["log-mel L1"]) > 0).all()
    aligned = curves["AV-Align, one_to_one"]
    assert abs(aligned[2] - aligned[0]) < 0.25  # it cannot tell 80 ms from none


def test_a_delay_pushes_the_end_out():
    assert delayed(np.arange(4.0), 0.5, sample_rate=4).tolist() == [0, 0, 0, 1]
    assert delayed(np.arange(4.0), 9, sample_rate=4).tolist() == [0, 0, 0, 0]
    assert delayed(np.arange(4.0), 0, sample_rate=4).tolist() == [0, 1, 2, 3]


def test_without_known_times_there_is_no_response():
    assert delay_response([], group="", fps=10, world=False) is None
