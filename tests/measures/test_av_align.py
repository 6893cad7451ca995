"""AV-Align: the definitions disagree as they should, and the one that is used cannot be cheated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd.measures.av_align import VARIANTS, av_align

TIMES = st.lists(st.floats(0, 2), max_size=6)


def test_four_definitions_of_one_name_on_one_case():
    """Three sounds about a single motion."""
    values = {variant: av_align([0.95, 1.0, 1.05], [1.0], fps=10, variant=variant) for variant in VARIANTS}
    assert values["published"] == values["published_inclusive"] == pytest.approx(3.0)
    assert values["one_to_one"] == pytest.approx(1 / 3)
    assert values["mean_share"] == pytest.approx(1.0)


def test_a_motion_a_whole_frame_away_parts_the_published_ones():
    assert av_align([1.0], [1.1], fps=10, variant="published") == 0
    assert av_align([1.0], [1.1], fps=10, variant="published_inclusive") == 1


@given(TIMES, TIMES)
def test_the_one_in_use_is_a_share_and_the_same_from_both_sides(sound, motion):
    value = av_align(sound, motion, fps=10)
    if not sound and not motion:
        assert math.isnan(value)
    else:
        assert 0 <= value <= 1
        assert value == av_align(motion, sound, fps=10)


def test_a_repeated_event_is_no_gain():
    clean = av_align([0.5, 1.0], [0.5, 1.0], fps=10)
    assert clean == 1
    assert av_align([0.5, 0.52, 1.0, 1.03], [0.5, 1.0], fps=10) == 0.5


@pytest.mark.parametrize("variant", VARIANTS)
def test_at_ten_frames_a_second_no_definition_sees_eighty_milliseconds(variant):
    times = np.array([0.3, 0.9, 1.4])
    assert av_align(times + 0.08, times, fps=10, variant=variant) == av_align(times, times, fps=10, variant=variant)
    assert av_align(times + 0.2, times, fps=10, variant=variant) == 0
    assert av_align([], times, fps=10, variant=variant) == 0
