"""Where results go: never over an input, another result or a file that is there; all told before any work."""

import os
from pathlib import Path

import numpy as np
import pytest

from cmmd.clips.writing import write_video
from cmmd.errors import InputError
from cmmd.generation.output_plan import OutputOptions, Planned, Target, plan_outputs


def plan(*sources: str | Path, target: Target = "audio", folder: Path, **options) -> list[Planned]:
    wanted: list[tuple[Path | None, Target]] = [(folder / source, target) for source in sources]
    return plan_outputs(wanted, OutputOptions(**options), leave_out=lambda line: None)


def names(planned: list[Planned]) -> list[str]:
    return [out.name for one in planned for out in one.outs]


def refused(*sources: str, folder: Path, **options) -> str:
    with pytest.raises(InputError) as caught:
        plan(*sources, folder=folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a.mp4", "audio", "a_cmmd.mp4"),
        ("a.MKV", "audio", "a_cmmd.mkv"),
        ("a.webm", "audio", "a_cmmd.webm"),
        ("a.avi", "audio", "a_cmmd.mp4"),
        ("a.mkv", "video", "a_cmmd.mp4"),
        ("a.b.wav", "video", "a.b_cmmd.mp4"),
        ("a", "video", "a_cmmd.mp4"),
    ],
)
def test_a_result_is_named_after_its_input(tmp_path, source, target, expected):
    (one,) = plan(source, target=target, folder=tmp_path)
    assert one.outs == (tmp_path / expected,)


@pytest.mark.parametrize(
    ("suffix", "holds", "expected"),
    [("webm", "mp4", "clip_cmmd.mp4"), ("mov", "mp4", "clip_cmmd.mov"), ("mkv", "mp4", "clip_cmmd.mkv")],
)
def test_a_name_that_promises_another_container_is_not_kept(tmp_path, suffix, holds, expected):
    """H.264 in what is called .webm would have to be encoded again for that name."""
    write_video(np.zeros((5, 32, 32, 3), np.uint8), tmp_path / f"clip.{holds}", fps=10)
    (tmp_path / f"clip.{holds}").rename(tmp_path / f"clip.{suffix}")
    assert names(plan(f"clip.{suffix}", folder=tmp_path)) == [expected]


def test_the_plan_knows_whose_choice_a_container_is(tmp_path):
    chosen = {source: plan(source, folder=tmp_path)[0].container_chosen for source in ("a.avi", "a.mov", "a.MP4", "a")}
    assert chosen == {"a.avi": True, "a.mov": False, "a.MP4": False, "a": True}
    assert not plan("a.avi", folder=tmp_path, out=tmp_path / "b.mp4")[0].container_chosen


def test_inputs_of_one_name_have_results_of_several(tmp_path):
    planned = plan("clip.mp4", "clip.avi", "other.mp4", folder=tmp_path)
    assert names(planned) == ["clip_mp4_cmmd.mp4", "clip_avi_cmmd.mp4", "other_cmmd.mp4"]
    planned = plan("a/clip.mp4", "b/clip.mp4", "c/other.mp4", folder=tmp_path, out=tmp_path / "made")
    assert names(planned) == ["a_clip_mp4_cmmd.mp4", "b_clip_mp4_cmmd.mp4", "other_cmmd.mp4"]
    # In folders of their own they need no other names.
    assert names(plan("a/clip.mp4", "b/clip.mp4", folder=tmp_path)) == ["clip_cmmd.mp4"] * 2


def test_two_results_have_two_stems(tmp_path):
    """By stems results are paired with their sources, and so are their pictures named."""
    planned = plan("clip.mp4", "clip.mkv", folder=tmp_path)
    assert names(planned) == ["clip_mp4_cmmd.mp4", "clip_mkv_cmmd.mkv"]
    planned = plan("clip.mp4", "clip.mkv", folder=tmp_path, picture=True)
    pictures = [file for one in planned for file in one.files(OutputOptions(picture=True)) if file.suffix == ".png"]
    assert len(set(pictures)) == 2


def test_an_input_named_twice_is_done_once(tmp_path):
    told: list[str] = []
    wanted: list[tuple[Path | None, Target]] = [(tmp_path / name, "audio") for name in ("clip.mp4", "x/../clip.mp4")]
    assert names(plan_outputs(wanted, OutputOptions(), leave_out=told.append)) == ["clip_cmmd.mp4"]
    assert told == [f"{tmp_path}/x/../clip.mp4: left out, it is named twice"]


def test_results_that_nothing_tells_apart_are_refused(tmp_path):
    told = refused("1/a/clip.mp4", "2/a/clip.mp4", folder=tmp_path, out=tmp_path / "made")
    assert "found one result a_clip_mp4_cmmd.mp4, expected different names" in told


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "clip_cmmd.mp4").write_bytes(b"mine")
    told = refused("clip.mp4", folder=tmp_path)
    assert told.endswith("clip_cmmd.mp4: found a file that is there already, expected another name, or --overwrite")
    assert names(plan("clip.mp4", folder=tmp_path, overwrite=True)) == ["clip_cmmd.mp4"]
    (tmp_path / "other_cmmd.png").write_bytes(b"mine")
    assert names(plan("other.mp4", folder=tmp_path)) == ["other_cmmd.mp4"]
    assert "other_cmmd.png: found a file" in refused("other.mp4", folder=tmp_path, picture=True)


@pytest.mark.parametrize("out", ["drums.wav", "x/../drums.wav", "link.wav", "hard.wav"])
def test_an_input_is_never_replaced(tmp_path, out):
    """Not by its own result, in no spelling, and not even where files may be replaced."""
    (tmp_path / "drums.wav").write_bytes(b"sound")
    (tmp_path / "link.wav").symlink_to(tmp_path / "drums.wav")
    os.link(tmp_path / "drums.wav", tmp_path / "hard.wav")
    told = refused("drums.wav", folder=tmp_path, out=tmp_path / out, overwrite=True)
    assert "found an input, expected another file to write" in told


def test_a_picture_never_replaces_an_input(tmp_path):
    (tmp_path / "ball.png").write_bytes(b"picture")
    told = refused("ball.png", folder=tmp_path, out=tmp_path / "ball.mp4", picture=True, overwrite=True)
    assert "ball.png: found an input" in told


def test_a_result_of_the_last_time_is_left_out_in_a_line(tmp_path):
    """As after `cmmd generate *.mp4`, twice."""
    for name in ("clip.mp4", "clip_cmmd.mp4"):
        (tmp_path / name).write_bytes(b"video")
    told: list[str] = []
    wanted: list[tuple[Path | None, Target]] = [(tmp_path / name, "audio") for name in ("clip.mp4", "clip_cmmd.mp4")]
    planned = plan_outputs(wanted, OutputOptions(overwrite=True), leave_out=told.append)
    assert names(planned) == ["clip_cmmd.mp4"]
    assert told == [f"{tmp_path / 'clip_cmmd.mp4'}: left out, it is the result of {tmp_path / 'clip.mp4'}"]


@pytest.mark.parametrize(
    ("out", "target", "message"),
    [
        ("made.wav", "video", "the suffix '.wav', expected one of .mp4, .m4v, .mov, .mkv, .webm for a video"),
        ("x.gif", "audio", "the suffix '.gif', expected one of .mp4, .m4v, .mov, .mkv, .webm, .wav, .flac for sound"),
        ("results.v2", "audio", "the suffix '.v2', expected one of"),
        ("results.v2", "both", "a folder's name ends with /"),
    ],
)
def test_a_suffix_that_is_not_written_is_told(tmp_path, out, target, message):
    assert message in refused("a.mp4", folder=tmp_path, target=target, out=tmp_path / out)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_have_a_dot_in_its_name(tmp_path):
    wanted: list[tuple[Path | None, Target]] = [(tmp_path / "a.mp4", "audio")]
    options = OutputOptions(out=tmp_path / "v.2", folder=True)
    (one,) = plan_outputs(wanted, options, leave_out=lambda line: None)
    assert one.outs == (tmp_path / "v.2/a_cmmd.mp4",) and (tmp_path / "v.2").is_dir()


def test_takes_are_numbered(tmp_path):
    assert names(plan("a.mp4", folder=tmp_path, takes=2)) == ["a_cmmd_1.mp4", "a_cmmd_2.mp4"]
    assert names(plan("a.mp4", folder=tmp_path, takes=2, out=tmp_path / "b.wav")) == ["b_1.wav", "b_2.wav"]


def test_a_name_that_is_too_long_is_told(tmp_path):
    assert "found a name of 261 bytes, expected 255 at most" in refused("ö" * 126 + ".mp4", folder=tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_told(tmp_path):
    tmp_path.chmod(0o500)
    assert "found a folder that cannot be written to" in refused("a.mp4", folder=tmp_path)
    tmp_path.chmod(0o700)


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "made").write_bytes(b"")
    assert "expected a folder to write to" in refused("a.mp4", folder=tmp_path, out=tmp_path / "made/x.mp4")
