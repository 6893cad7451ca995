"""The page: blind, whole, the same from the same clips, and a line for what cannot be used."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_raters import page_study
from small_clips import REFERENCE_FOLDER, STEMS, SYSTEMS, write_clips

from cmmd.clips.probing import probe
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_video
from cmmd.errors import InputError
from cmmd.study.build import BuildOptions, Built, build
from cmmd.study.key import read_key
from cmmd.study.media import mismatched_sounds


def options(clips: dict[str, Path], **changes) -> BuildOptions:
    small = BuildOptions(systems={name: clips[name] for name in SYSTEMS}, pairs=2, ratings=0, checks=0, headphones=0)
    return replace(small, **changes)


def frames_and_sound(file: Path) -> tuple[np.ndarray, np.ndarray]:
    clip = read_clip(file, image_size=32)
    assert clip.frames is not None and clip.waveform is not None
    return clip.frames, clip.waveform


def test_nothing_published_names_a_system_or_an_item(built: Built):
    files = [file for file in built.page.parent.rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes().lower() + str(file.relative_to(built.page.parent)).encode()
        for name in (*SYSTEMS, "mismatched", REFERENCE_FOLDER, *STEMS):
            assert name.encode() not in content, file


def test_an_embedded_page_is_one_file_as_blind_as_the_folder(clips, tmp_path: Path):
    page = build(tmp_path / "page.html", options(clips, reference=clips["reference"], embed=True)).page
    assert sorted(file.name for file in tmp_path.iterdir()) == ["page.html", "page.key.json"]
    sources = page_study(page)["media"].values()
    assert sources and all(source.startswith("data:video/mp4;base64,") for source in sources)
    assert not any(name in page.read_text() for name in (*SYSTEMS, "mismatched", *STEMS))


def test_the_key_is_beside_and_knows_every_clip_of_the_page(built: Built):
    key, page = read_key(built.key), page_study(built.page)
    assert built.key.parent == built.page.parent.parent
    assert set(key.media) == set(page["media"])
    assert {file.name for file in (built.page.parent / "media").iterdir()} == {f"{name}.mp4" for name in key.media}
    assert key.study == page["study"] and key.systems == (*SYSTEMS, "real", "mismatched")
    assert [trial["id"] for trial in page["trials"]] == list(key.trials)


def test_the_page_asks_nothing_of_other_places(built: Built):
    text = built.page.read_text()
    assert not re.search(r"(?:https?:)?//[a-z]+\.", re.sub(r"(?m)^\s*//.*$", "", text))
    assert "default-src 'none'" in text


def test_the_floor_is_the_real_picture_with_the_sound_of_another_clip(built: Built, clips):
    key, partner = read_key(built.key), mismatched_sounds(sorted(STEMS), seed=0)
    floor = [(name, medium.item) for name, medium in key.media.items() if medium.system == "mismatched"]
    assert {item for _, item in floor} == set(STEMS)
    for name, item in floor:
        assert partner[item] != item
        made = frames_and_sound(built.page.parent / "media" / f"{name}.mp4")
        real = {stem: frames_and_sound(clips["reference"] / f"{stem}.mp4") for stem in STEMS}
        assert np.array_equal(made[0], real[item][0])
        alike = {stem: np.corrcoef(made[1], sound)[0, 1] for stem, (_, sound) in real.items()}
        assert max(alike, key=lambda stem: alike[stem]) == partner[item] and alike[partner[item]] > 0.5 > alike[item]


def test_the_same_clips_and_seed_give_the_same_bytes(clips, tmp_path: Path):
    pages = [build(tmp_path / name, options(clips, seed=seed)).page for name, seed in (("a", 5), ("b", 5), ("c", 6))]
    contents = [{f.name: f.read_bytes() for f in page.parent.rglob("*") if f.is_file()} for page in pages]
    assert contents[0] == contents[1] and contents[0] != contents[2]


def test_a_video_that_browsers_do_not_play_is_encoded_anew(clips, tmp_path: Path):
    import av

    folder = write_clips(tmp_path / "old", stems=("kettle-1",))
    (folder / "kettle-1.mp4").unlink()
    with av.open(str(folder / "kettle-1.avi"), "w") as out:
        video, sound = out.add_stream("mpeg4", rate=10), out.add_stream("pcm_s16le", rate=16000)
        video.width = video.height = 32
        for _ in range(4):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")))
        tone = av.AudioFrame.from_ndarray(np.full((1, 6400), 900, np.int16), format="s16", layout="mono")
        tone.sample_rate = 16000
        out.mux(sound.encode(tone))
        out.mux(video.encode(None))
    page = build(tmp_path / "page", options(clips, systems={"old": folder, "zebrafinch": clips["zebrafinch"]})).page
    assert {probe(file).video.video_codec for file in (page.parent / "media").iterdir()} == {"h264", "vp9"}
    assert {file.suffix for file in (page.parent / "media").iterdir()} == {".mp4"}


def test_what_makes_the_study_less_than_meant_is_noted(clips, tmp_path: Path):
    other = write_clips(tmp_path / "other", stems=("kettle-1", "kettle-2", "alone"))
    write_video(
        np.zeros((4, 48, 48, 3), np.uint8), other / "kettle-2.mp4", fps=10, waveform=np.zeros(6400), sample_rate=16000
    )
    notes = build(tmp_path / "page", options(clips, systems={"zebrafinch": clips["zebrafinch"], "other": other})).notes
    text = "\n".join(notes)
    assert "zebrafinch: 1 clips without a partner" in text and "other: 1 clips without a partner" in text
    assert "no --reference" in text and "1 of 2 items differ between systems in size" in text
    assert "2 items: with fewer than 7 of them" in text  # 3 tests: 2^(1 - 7) * 3 < 0.05 < 2^(1 - 6) * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"systems": {}}, "--system: found none"),
        ({"systems": {"real": Path("x")}}, "--system: found the name 'real'"),
        ({"systems": {"a": Path("nowhere")}}, "nowhere: found no folder"),
        ({"title": "Is ZebraFinch good?"}, "--title: found the system's name 'zebrafinch'"),
        ({"embed": True}, "expected the name of an .html file with --embed"),
        ({"pairs": 0}, "study: found nothing to ask"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_and_leaves_nothing(clips, tmp_path: Path, changes, message):
    with pytest.raises(InputError) as error:
        build(tmp_path / "page", options(clips, **changes))
    assert message in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_clips_that_cannot_be_used_are_named(clips, tmp_path: Path):
    silent = write_clips(tmp_path / "silent", stems=("kettle-1",))
    write_video(np.zeros((4, 32, 32, 3), np.uint8), silent / "kettle-1.mp4", fps=10)
    with pytest.raises(InputError, match=r"kettle-1\.mp4: found no audio"):
        build(tmp_path / "page", options(clips, systems={"a": silent, "zebrafinch": clips["zebrafinch"]}))
    other = write_clips(tmp_path / "other", stems=("spoon",))
    with pytest.raises(InputError, match="no file name common to all"):
        build(tmp_path / "page", options(clips, systems={"a": other, "zebrafinch": clips["zebrafinch"]}))
    (tmp_path / "page").write_text("mine")
    with pytest.raises(InputError, match="found something there"):
        build(tmp_path / "page", options(clips))
    assert (tmp_path / "page").read_text() == "mine"
    (tmp_path / "next.key.json").write_text("key")
    with pytest.raises(InputError, match=r"next\.key\.json: found something there"):
        build(tmp_path / "next", options(clips))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["next.key.json", "other", "page", "silent"]


def test_a_title_cannot_break_out_of_the_page(clips, tmp_path: Path):
    title = "</script><b>1 < 2</b>"
    page = build(tmp_path / "page", options(clips, title=title)).page
    assert page_study(page)["title"] == title and "<b>" not in page.read_text()
    assert read_key(tmp_path / "page.key.json").title == title
