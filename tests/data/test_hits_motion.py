"""How strikers move: they meet what they strike at the contact, at speed, and come back; limbs keep their lengths."""

import numpy as np
import pytest

from cmmd.data.world.hits.camera import Shutter, draw_camera, draw_shutter
from cmmd.data.world.hits.hand_tools import draw_tool
from cmmd.data.world.hits.limbs import bent, draw_build
from cmmd.data.world.hits.rhythm import LEAST, clear_of, draw_contacts, phase, with_least_gap
from cmmd.data.world.hits.stage import Stage
from cmmd.data.world.hits.strikers import Blows, path_of, swing
from cmmd.data.world.hits.stroke import draw_stroke

CONTACTS = np.array([0.3, 0.62, 1.4, 1.55, 2.6])


def test_contacts_are_apart_ascending_and_inside():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        times = draw_contacts(rng, -1.0, 3.0, shortest=0.12, longest=1.2)
        assert len(times) >= 1 and times[0] >= -1 and times[-1] < 3
        assert (np.diff(times) >= LEAST - 1e-9).all()


def test_those_that_follow_too_soon_are_left_out():
    assert with_least_gap(np.array([0.5, 0.0, 0.05, 0.13, 0.2])) == pytest.approx([0.0, 0.13, 0.5])


def test_times_are_moved_together_off_the_edges():
    times = np.array([-0.5, 0.01, 0.7, 1.59])
    moved = clear_of(np.random.default_rng(0), times, (0.0, 1.6), margin=0.06)
    assert np.diff(moved) == pytest.approx(np.diff(times))
    assert all(np.abs(moved - edge).min() > 0.06 for edge in (0.0, 1.6))


def test_the_phase_tells_time_since_and_until():
    at = phase(CONTACTS, np.array([0.0, 0.3, 0.5, 1.5, 9.0]))
    assert at.interval.tolist() == [0, 1, 1, 3, 5]
    assert at.since[1:] == pytest.approx([0.0, 0.2, 0.1, 6.4])
    assert at.until[:4] == pytest.approx([0.3, 0.32, 0.12, 0.05])


@pytest.mark.parametrize("seed", range(12))
def test_a_stroke_gathers_speed_stops_dead_and_comes_back(seed):
    step = 1e-3
    t = np.arange(-0.5, 3.5, step)
    stroke = draw_stroke(np.random.default_rng(seed), CONTACTS, t)
    assert (stroke.height >= -1e-9).all() and stroke.height.max() > 0.2
    for contact in CONTACTS:
        at = round((contact - t[0]) / step)
        assert stroke.height[at - 2 : at + 2].min() < 0.05
        speed = -np.diff(stroke.height[at - 60 : at]) / step
        assert speed[-10:].mean() > 1.0  # it arrives at more than a stroke a second
        assert speed[-10:].mean() >= 0.95 * speed[:20].mean()  # and is not slowing down
        # nor does it leave faster than it came
        assert np.abs(np.diff(stroke.height[at : at + 4])).max() / step < speed[-10:].mean() * 1.12
    assert len(stroke.strengths) == len(CONTACTS) and (stroke.strengths > 0).all() and (stroke.strengths <= 1).all()


def test_a_higher_stroke_is_stronger():
    t = np.arange(-0.5, 8.0, 2e-3)
    contacts = np.cumsum(np.random.default_rng(0).uniform(0.5, 0.9, 10))
    tops, strengths = [], []
    for seed in range(12):
        stroke = draw_stroke(np.random.default_rng(seed), contacts, t)
        inside = [stroke.height[(t > contact - 0.25) & (t < contact)].max() for contact in contacts]
        tops += inside
        strengths += stroke.strengths.tolist()
    assert np.corrcoef(tops, strengths)[0, 1] > 0.5


@pytest.mark.parametrize("kind", ["stick", "mallet", "hammer", "blade", "thing", "pan"])
@pytest.mark.parametrize("lean", [-1.2, 0.7])
def test_the_tip_of_a_tool_is_where_it_strikes_at_contact(kind, lean):
    rng = np.random.default_rng(2)
    t = np.concatenate([CONTACTS, [0.1, 0.9, 2.0]])
    places = np.array([[30.0, 40.0], [36.0, 42.0], [30.0, 40.0], [20.0, 41.0], [44.0, 38.0]])
    blows = Blows(contacts=CONTACTS, points=places, normal=np.array([0.0, -1.0]), rise=12.0)
    stroke = draw_stroke(rng, CONTACTS, t)
    path = path_of(rng, blows, stroke)
    assert path.tip[:5] == pytest.approx(places) and (path.tip[5:, 1] < path.ground[5:, 1] - 0.3).all()
    stage = Stage(t=t)
    tool = draw_tool(rng, kind, length=15.0, thick=0.8, density=1.0, light=-1.5)
    swing(rng, stage, path, stroke, blows, tool, build=None, shoulder=None, lean=lean)
    pose = stage.actors[-1].pose
    tips = pose[:, :, :2] @ tool.tip + pose[:, :, 2]
    assert tips == pytest.approx(path.tip, abs=1e-6)
    back = pose[:5, :, :2] @ (tool.tip * (1, -1)) + pose[:5, :, 2]
    assert (back[:, 1] <= places[:, 1] + 1e-6).all()  # the side that touches looks down
    grips = pose[:5, :, 2]
    assert (grips[:, 1] < places[:, 1] + 1).all()  # the hand is above what it strikes
    assert (np.sign(grips[:, 0] - places[:, 0]) == np.sign(lean)).all()  # and on the side to which the tool leans


def test_bones_keep_their_lengths_where_they_reach():
    rng = np.random.default_rng(0)
    root = np.zeros((50, 2))
    end = rng.uniform(-6, 6, (50, 2)) + np.array([8, 0])
    joint = bent(root, end, upper=9.0, lower=8.0, side=1.0)
    reached = np.hypot(*(end - root).T) < 17
    assert np.hypot(*joint.T)[reached] == pytest.approx(9.0)
    assert np.hypot(*(end - joint).T)[reached] == pytest.approx(8.0)


def test_people_come_in_many_looks():
    builds = [draw_build(np.random.default_rng(seed), scale=1.0, density=1.0, light=0.0) for seed in range(20)]
    assert len({build.skin.colour.tobytes() for build in builds}) == 20


@pytest.mark.parametrize("rate", [15.0, 24000 / 1001, 30.0, 60.0])
def test_a_frame_shows_the_last_picture_before_its_time(rate):
    shutter = Shutter(rate=rate, phase=0.37, exposure=0.25 / rate)
    t = shutter.times(20, 10).reshape(20, shutter.moments)
    taken = t.mean(1) - 0.125 / rate
    age = np.arange(20) / 10 - taken
    assert (age > -1e-6).all() and (age < 1 / rate).all()
    assert np.diff(t, axis=1) == pytest.approx(0.25 / rate / shutter.moments) or shutter.moments == 1
    pictures = taken * rate + 0.37
    assert pictures == pytest.approx(np.round(pictures), abs=1e-6)


def test_exposures_are_longer_in_the_dark_and_never_longer_than_a_picture():
    rng = np.random.default_rng(0)
    light, dark = ([draw_shutter(rng, dark=dark) for _ in range(60)] for dark in (False, True))
    assert all(shutter.exposure * shutter.rate < 1 for shutter in light + dark)
    assert np.mean([s.exposure for s in light]) < 0.8 * np.mean([s.exposure for s in dark])


def test_cameras_stand_still_or_move_within_the_margin():
    t = np.linspace(0, 30, 90)
    views = [draw_camera(np.random.default_rng(seed), t) for seed in range(60)]
    still = [bool(np.ptp(view, axis=0).max() < 1e-9) for view in views]
    assert 0.2 < np.mean(still) < 0.7
    corners = np.array([[0, 0], [64, 0], [0, 64], [64, 64]], float)
    for view in views:
        behind = (corners - view[:, None, :, 2]) @ np.linalg.inv(view[:, :, :2]).transpose(0, 2, 1)
        assert behind.min() > -20 and behind.max() < 84
