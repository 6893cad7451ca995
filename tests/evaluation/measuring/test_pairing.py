"""Listing and pairing: names meet, what has no counterpart is told, a bad manifest is refused in one line."""

import json
from pathlib import Path

import pytest

from cmmd.errors import InputError
from cmmd.evaluation.measuring.pairing import ListedClip, list_clips, pair_by_name


def touched(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_gives_its_media_by_name(tmp_path):
    folder = touched(tmp_path / "real", "b.mp4", "a.WAV", "notes.txt", ".hidden.mp4")
    (folder / "b.json").write_text(json.dumps({"family": "impacts", "events": [{"time": 0.7}, {"time": 0.2}]}))
    a, b = list_clips(folder)
    assert (a.name, a.events, a.group) == ("a", None, "")
    assert (b.name, b.events, b.group) == ("b", (0.2, 0.7), "impacts")


def test_manifests_of_both_kinds_say_the_same(tmp_path):
    (tmp_path / "list.csv").write_text("name,file,events,group\none,x/1.mp4,0.5 0.25,g\ntwo,x/2.mp4,,\n")
    lines = [
        {"name": "one", "file": "x/1.mp4", "events": [0.5, 0.25], "group": "g"},
        {"name": "two", "file": "x/2.mp4"},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, lines)))
    first, second = list_clips(tmp_path / "list.jsonl")
    assert first == ListedClip(name="one", file=tmp_path / "x/1.mp4", events=(0.25, 0.5), group="g")
    assert second.events is None
    by_csv = list_clips(tmp_path / "list.csv")
    assert by_csv[0] == first and by_csv[1].events == ()  # an empty cell under events is a clip without one


def test_names_meet_and_the_rest_is_told(tmp_path):
    made = list_clips(touched(tmp_path / "made", "a.wav", "b.wav", "x.wav"))
    real = list_clips(touched(tmp_path / "real", "a.mp4", "b.mp4", "c.mp4"))
    pairing = pair_by_name(made, real)
    assert [(p.generated.file.name, p.reference.file.name) for p in pairing.pairs] == [
        ("a.wav", "a.mp4"),
        ("b.wav", "b.mp4"),
    ]
    assert [clip.name for clip in pairing.without_reference] == ["x"]
    assert [clip.name for clip in pairing.without_clip] == ["c"]
    with pytest.raises(InputError, match="no common name"):
        pair_by_name(made[2:], real)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "name,path\na,b.mp4\n", "expected a name and a file"),
        ("list.csv", "name,file,events\na,b.mp4,0.5 soon\n", "expected events as times in seconds"),
        ("list.jsonl", "{'name': 1}", "expected CSV or JSON lines"),
        ("list.jsonl", '["a"]', "line 1: found .* expected an object"),
        ("list.csv", "name,file\na,1.mp4\na,2.mp4\n", "expected one clip named a"),
        ("list.csv", "name,file\n", "no clip"),
        ("list.txt", "", "expected a folder of clips, or a manifest"),
        ("list.csv", None, "found nothing to read"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as told:
        list_clips(tmp_path / name)
    assert "\n" not in str(told.value)


def test_two_files_of_one_stem_are_refused(tmp_path):
    with pytest.raises(InputError, match="expected one clip named a"):
        list_clips(touched(tmp_path / "made", "a.wav", "a.mp4"))
    (tmp_path / "made" / "a.wav").unlink()
    (tmp_path / "made" / "a.json").write_text("no json")
    with pytest.raises(InputError, match="expected the events of"):
        list_clips(tmp_path / "made")


def test_results_are_paired_with_what_they_were_made_of(tmp_path):
    """As `cmmd generate real --out made/` names them; a clip that is called so itself keeps its name."""
    real = touched(tmp_path / "real", "a.mp4", "b.wav", "c_cmmd.mp4")
    made = touched(tmp_path / "made", "a_cmmd.mp4", "b_cmmd_2.mp4", "c_cmmd.mp4")
    pairing = pair_by_name(list_clips(made), list_clips(real))
    found = [(pair.generated.file.name, pair.reference.file.name) for pair in pairing.pairs]
    assert found == [("a_cmmd.mp4", "a.mp4"), ("b_cmmd_2.mp4", "b.wav"), ("c_cmmd.mp4", "c_cmmd.mp4")]
    assert [pair.generated.name for pair in pairing.pairs] == ["a", "b", "c_cmmd"]
    touched(made, "a_cmmd_2.mp4")
    with pytest.raises(InputError, match=r"found a_cmmd\.mp4 and a_cmmd_2\.mp4, expected one clip for a"):
        pair_by_name(list_clips(made), list_clips(real))


@pytest.mark.parametrize("name", ["../mine", "/tmp/mine", "a/b", "..", ""])
def test_a_name_of_a_manifest_never_leads_elsewhere(tmp_path, name):
    (tmp_path / "list.jsonl").write_text(json.dumps({"name": name, "file": "x.mp4"}))
    with pytest.raises(InputError, match=r"list\.jsonl line 1: found"):
        list_clips(tmp_path / "list.jsonl")
