"""AIST++: names, the split by music on the published lists, cameras, the ignore list."""

import pytest

from cmmd.data.preparing.aist import TEST_MUSIC, list_aist, parse_name, read_ignored
from cmmd.data.preparing.request import with_splits
from cmmd.errors import InputError

NAMES = (
    "gBR_sBM_c01_d04_mBR0_ch01",
    "gBR_sBM_c02_d04_mBR0_ch01",
    "gBR_sBM_c01_d04_mBR1_ch02",
    "gHO_sFM_c01_d19_mHO2_ch03",
    "gPO_sBM_c01_d10_mPO4_ch01",
)


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.mp4").touch()
    (tmp_path / "holiday.mp4").touch()
    return tmp_path


def listed(folder, **settings):
    return list_aist(folder, **{"cameras": (), "ignored": frozenset(), "person": True} | settings)


def test_a_name_tells_its_parts():
    found = parse_name("./video/gLH_sBM_c05_d17_mLH4_ch02_seg2.npy")
    assert found is not None
    assert (found.genre, found.camera, found.dancer, found.music) == ("LH", "05", "17", "LH4")
    assert found.name == "gLH_sBM_cAll_d17_mLH4_ch02"
    assert parse_name("gLH_sBM_c5_d17_mLH4_ch02") is None


def test_splits_share_no_music(folder):
    found = with_splits(listed(folder), validation=0.4).requests
    assert {r.name[:25] for r in found if r.split == "test"} == set(NAMES[:2])
    music = {split: {r.group for r in found if r.split == split} for split in ("train", "validation", "test")}
    assert sum(map(len, music.values())) == len(set.union(*music.values())) == 4
    assert found[0].labels == ("break",)


def test_cameras_and_the_ignore_list_leave_out(folder):
    (folder / "ignore.txt").write_text("gPO_sBM_cAll_d10_mPO4_ch01.json\n\n")
    found = listed(folder, cameras=("c01",), ignored=read_ignored(folder / "ignore.txt"))
    assert len(found.requests) == 3
    reasons = dict(found.skipped)
    assert reasons["gBR_sBM_c02_d04_mBR0_ch01.mp4"] == "another camera"
    assert reasons["gPO_sBM_c01_d10_mPO4_ch01.mp4"] == "on the ignore list"
    assert reasons["holiday.mp4"] == "not named as AIST files are"
    with pytest.raises(InputError, match="none to use"):
        listed(folder, cameras=("c09",))
    (folder / "ignore.txt").write_text("holiday\n")
    with pytest.raises(InputError, match="found 'holiday', expected names such as"):
        read_ignored(folder / "ignore.txt")


def test_the_published_lists_are_split_as_ours(data_folder):
    """Segments of D2M-GAN: 6632 and 86, 50 pieces and 10, and the ten are our test split."""
    lists = {}
    for split in ("train", "test"):
        lines = (data_folder / f"annotations/d2mgan_aist_video_{split}_segment.txt").read_text().split()
        lists[split] = [parse_name(line) for line in lines]
        assert None not in lists[split]
    music = {split: {name.music for name in names if name} for split, names in lists.items()}
    assert (len(lists["train"]), len(lists["test"])) == (6632, 86)
    assert (len(music["train"]), len(music["test"])) == (50, 10)
    assert music["test"] == TEST_MUSIC and not music["train"] & music["test"]
    assert len(read_ignored(data_folder / "annotations/aistpp_ignore_list_bailando.txt")) == 45
