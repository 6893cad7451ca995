"""The real clips and the difficult files: what the doctor says, and that it agrees with preparation."""

from pathlib import Path

import pytest
from test_diagnosis import LEFT_OUT, prepared

from cmmd.doctor.checkup import Checkup, check


@pytest.fixture(scope="module")
def odd(data_folder: Path) -> Checkup:
    return check(data_folder / "odd", shortest=1.6, workers=2)


@pytest.fixture(scope="module")
def clips(data_folder: Path) -> Checkup:
    return check(data_folder / "clips", shortest=1.6, workers=2)


def _told(checkup: Checkup) -> dict[str, set[str]]:
    return {file.name: {finding.kind for finding in file.findings} for file in checkup.files}


@pytest.mark.slow
def test_the_difficult_files(odd: Checkup) -> None:
    told = _told(odd)
    assert len(told) == 39
    assert {name for name, kinds in told.items() if "unreadable" in kinds} == {
        "chunk_out_of_range.mp4",
        "derived_truncated_half.mp4",
        "encrypted.webm",
        "header_only.avi",
        "invalid_userdata.mp4",
        "no_streams.mp4",
    }
    for name, kinds in {
        "derived_zeroed_middle.mp4": {"damaged picture", "damaged sound", "standstill", "sound breaks off"},
        "derived_audio_starts_200ms_late.mp4": {"offset", "length mismatch"},
        "silent_black_10s.mp4": {"silent", "blank picture"},
        "rotate_and_reflect.mp4": {"rotation", "too short"},
        "mkv_rate1000_audio_late.mkv": {"wrong frame rate", "same content"},
        "multi_stream_2v_2a.mp4": {"several videos", "several sounds"},
        "one_pixel.mp4": {"tiny picture", "low frame rate"},
        "sar_2x1.mp4": {"pixel shape", "narrow picture"},
        "test_pattern_beep_1022ms.mp4": {"clipping"},
    }.items():
        assert kinds <= told[name], name


@pytest.mark.slow
def test_the_real_clips(clips: Checkup) -> None:
    assert [file.name for file in clips.files if file.verdict == "unusable"] == ["openl3_bento.mp4"]  # 1.1 s
    assert clips.count("warning") == 2
    assert not {kind for kinds in _told(clips).values() for kind in kinds if kind.startswith("same")}
    assert clips.synchrony is not None
    assert "in time" in clips.synchrony.says


@pytest.mark.slow
def test_what_preparation_leaves_out_is_unusable(odd: Checkup, data_folder: Path) -> None:
    wrong = {}
    for file in odd.files:
        left_out = {finding.kind for finding in file.findings if finding.severity == "unusable"} & LEFT_OUT
        if prepared(data_folder / "odd" / file.name) == bool(left_out):
            wrong[file.name] = left_out
    assert not wrong
