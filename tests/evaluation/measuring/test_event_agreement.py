"""Events of pairs: whose times are the true ones, and what pooled figures make of them."""

import numpy as np
import pytest

from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.measuring.event_agreement import event_metrics, events_of
from cmmd.evaluation.measuring.pairing import ListedClip


def features(tmp_path, *, heard=None, seen=None, known=None) -> ClipFeatures:
    def times(given):
        return None if given is None else np.array(given, dtype=float)

    return ClipFeatures(
        clip=ListedClip(name="x", file=tmp_path / "x.mp4", events=known, group=""),
        seconds=2.0,
        heard=times(heard),
        sound_beats=None,
        seen=times(seen),
        moved=None,
        rests=None,
        waveform=None,
        frames=None,
        embeddings={},
    )


def test_known_times_come_first_then_the_sound_then_the_picture(tmp_path):
    made = features(tmp_path, heard=[0.5], seen=[0.6])
    known = events_of(made, features(tmp_path, heard=[1.0], seen=[2.0], known=(3.0,)), "video_to_audio")
    assert (known.true_from, known.true.tolist(), known.best) == ("known", [3.0], [1.0])
    heard = events_of(made, features(tmp_path, heard=[1.0], seen=[2.0]), "video_to_audio")
    assert (heard.true_from, heard.true.tolist(), heard.best) == ("sound", [1.0], None)
    seen = events_of(made, features(tmp_path, heard=[1.0], seen=[2.0]), "audio_to_video")
    assert (seen.found.tolist(), seen.true.tolist(), seen.best) == ([0.6], [1.0], [2.0])
    silent = events_of(made, features(tmp_path, seen=[2.0]), "video_to_audio")
    assert (silent.true_from, silent.true.tolist()) == ("picture", [2.0])


def test_figures_are_those_of_the_events(tmp_path):
    """Ten clips of two events, all heard 30 ms late; the true sound is heard 10 ms late."""
    rng = np.random.default_rng(0)
    pairs: list[tuple[ClipFeatures, ClipFeatures]] = []
    for _ in range(10):
        known = np.sort(rng.uniform(0.1, 1.9, 2))
        true = features(tmp_path, heard=known + 0.01, known=tuple(known))
        pairs.append((features(tmp_path, heard=known + 0.03), true))
    metrics = {metric.name: metric for metric in event_metrics(pairs, "video_to_audio")}
    f1 = metrics["onset F1 at 50 ms"]
    assert f1.value == f1.low == f1.high == f1.ceiling == 1 and f1.chance < 0.4
    assert metrics["median absolute offset"].value == pytest.approx(0.03)
    assert metrics["median absolute offset"].ceiling == pytest.approx(0.01)
    assert metrics["lag"].value == pytest.approx(0.03, abs=0.002) and metrics["lag"].unit == "s"
    values = events_of(pairs[0][0], pairs[0][1], "video_to_audio").values()
    assert values == {
        "onset F1 at 50 ms": 1.0,
        "onset F1 at 100 ms": 1.0,
        "median absolute offset": pytest.approx(0.03),
    }
