"""What is done and what is to be made, under which names; what may not be replaced."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made_media import grey_frames

from cmmd.clips.mastering import Mastering
from cmmd.clips.writing import write_video
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.files.inline_groups import replaced
from cmmd.generation.clip_generation import GenerateOptions
from cmmd.generation.folders import plan as planning
from cmmd.generation.folders.given_clips import GivenClip, list_clips
from cmmd.generation.folders.making import Making, model_digest, settings_of
from cmmd.generation.folders.plan import Plan, plan_clips
from cmmd.generation.folders.record import Fingerprint, Generator, Record, RecordLine, ResultFiles, Stretch
from cmmd.generation.output_plan import OutputOptions


class Folder:
    """Clips, a folder of results and its record, which is made by hand."""

    def __init__(self, path: Path) -> None:
        self.clips, self.out = path / "clips", path / "made"
        self.clips.mkdir()
        self.out.mkdir()
        self.making = Making(options=GenerateOptions(), model="shipped", model_folder=path, model_sha256="5")

    def add(self, name: str, level: int = 8) -> Path:
        path = self.clips / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(grey_frames(4, size=(32, 32), step=level), path, fps=10)
        return path

    def plan(
        self, options: GenerateOptions | None = None, clips: list[GivenClip] | None = None, **outputs: Any
    ) -> Plan:
        options = replace(options or GenerateOptions(), outputs=OutputOptions(out=self.out, **outputs))
        making = replace(self.making, options=options)
        clips = clips or list_clips([self.clips], None, out=self.out)[0]
        return plan_clips(clips, making, Record.read(self.out))

    def make(self, plan: Plan, options: GenerateOptions | None = None, *, seed: int = 0) -> None:
        """Results of some content, and their lines."""
        for one in plan.clips:
            for take, out in enumerate(one.outs):
                out.parent.mkdir(parents=True, exist_ok=True)
                out.write_bytes(f"{one.clip.name} {seed + take}".encode())
                line = RecordLine(
                    files=ResultFiles(
                        result=out.relative_to(self.out).as_posix(),
                        result_file=Fingerprint.of(out),
                        input=os.path.realpath(one.clip.source),
                        input_file=Fingerprint.of(one.clip.source),
                    ),
                    made=one.target,
                    seed=seed + take,
                    settings=settings_of(options or GenerateOptions()),
                    generator=Generator(model="shipped", model_sha256="5", version="0"),
                    stretch=Stretch(start=one.clip.start, end=one.clip.end),
                )
                Record.read(self.out).append([line])


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path)


def names(folder: Folder, plan: Plan) -> list[str]:
    return [out.relative_to(folder.out).as_posix() for one in plan.clips for out in one.outs]


def to_make(plan: Plan) -> list[str]:
    return [one.clip.name for one in plan.clips if not one.done]


def test_results_are_named_by_folder_and_source(folder):
    for name in ("a.mp4", "deep/a.mp4", "deep/b.mov", "b.mp4"):
        folder.add(name)
    (folder.clips / "b.mp4").rename(folder.clips / "b.avi")
    assert names(folder, folder.plan()) == ["a_cmmd.mp4", "b_cmmd.mp4", "deep/a_cmmd.mp4", "deep/b_cmmd.mov"]


def test_two_of_one_name_are_told_apart(folder):
    folder.add("a.mp4")
    folder.add("a.mov")
    assert names(folder, folder.plan(takes=2)) == [
        *("a_mov_cmmd_1.mov", "a_mov_cmmd_2.mov", "a_mp4_cmmd_1.mp4", "a_mp4_cmmd_2.mp4")
    ]


def test_what_was_made_is_done(folder):
    folder.add("a.mp4")
    folder.add("deep/b.mp4")
    folder.make(folder.plan(takes=2))
    assert to_make(folder.plan(takes=2)) == []
    folder.add("c.mp4")
    assert to_make(folder.plan(takes=2)) == ["c.mp4"]
    (folder.out / "deep/b_cmmd_2.mp4").unlink()
    assert to_make(folder.plan(takes=2)) == ["c.mp4", "deep/b.mp4"]


def test_more_takes_are_made_beside_those_that_are_there(folder):
    folder.add("a.mp4")
    folder.make(folder.plan(takes=2))
    assert to_make(folder.plan(takes=4)) == ["a.mp4"]


def test_what_is_done_is_not_opened(folder, monkeypatch):
    folder.add("a.mp4")
    folder.make(folder.plan())
    monkeypatch.setattr(planning, "target_of", lambda *_: pytest.fail("a clip was opened"))
    assert to_make(folder.plan()) == []


def test_a_copy_elsewhere_is_done_by_its_content(folder, tmp_path):
    source = folder.add("a.mp4")
    folder.make(folder.plan())
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "a.mp4").write_bytes(source.read_bytes())
    assert to_make(folder.plan(clips=list_clips([moved], None, out=folder.out)[0])) == []


OTHERS = {
    "steps": (GenerateOptions(sampling=SamplingConfig(steps=9)), "a result with steps 25, expected another --out"),
    "seed": (GenerateOptions(seed=1), "a result of seed 0"),
    "keep": (GenerateOptions(keep=((0, 0.1),)), r"a result with keep \[\]"),
    "loudness": (GenerateOptions(mastering=Mastering(loudness=-23)), "a result with loudness null"),
    "fit": (GenerateOptions(fit="letterbox"), 'a result with fit "crop"'),
    "keep_sound": (GenerateOptions(keep_sound=True), "a result with keep_sound false"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_settings_are_not_taken_for_done_and_nothing_is_replaced(folder, name):
    folder.add("a.mp4")
    folder.make(folder.plan())
    options, told = OTHERS[name]
    with pytest.raises(InputError, match=rf"a_cmmd\.mp4: found {told}"):
        folder.plan(options)
    assert to_make(folder.plan(options, overwrite=True)) == ["a.mp4"]


def test_another_model_is_not_taken_for_done(folder):
    folder.add("a.mp4")
    folder.make(folder.plan())
    folder.making = replace(folder.making, model_sha256="6")
    with pytest.raises(InputError, match=r"found a result of another model \(shipped\), expected another --out"):
        folder.plan()


def test_a_changed_input_is_not_taken_for_done(folder):
    folder.add("a.mp4")
    folder.add("b.mp4")
    folder.make(folder.plan())
    folder.add("a.mp4", level=9)
    with pytest.raises(InputError, match=r"a_cmmd\.mp4: found a result of another input, or one that has changed"):
        folder.plan()
    assert to_make(folder.plan(overwrite=True)) == ["a.mp4"]


def test_a_file_of_somebody_else_is_neither_done_nor_replaced(folder):
    folder.add("a.mp4")
    folder.make(folder.plan())
    (folder.out / "a_cmmd.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"a_cmmd\.mp4: found a file that is there already, expected another --out"):
        folder.plan()


def test_a_setting_that_is_newer_than_the_record_counts_as_its_default(folder, monkeypatch):
    folder.add("a.mp4")
    folder.make(folder.plan())
    lines = (folder.out / "made.jsonl").read_text().replace('"stereo": false, ', "")
    (folder.out / "made.jsonl").write_text(lines)
    assert to_make(folder.plan()) == []
    with pytest.raises(InputError, match="found a result with stereo false"):
        folder.plan(GenerateOptions(mastering=Mastering(stereo=True)))


def test_a_missing_picture_is_drawn_and_one_of_somebody_else_stays(folder):
    folder.add("a.mp4")
    folder.make(folder.plan())
    assert to_make(folder.plan(picture=True)) == ["a.mp4"]
    (folder.out / "a_cmmd.png").write_bytes(b"drawn")
    assert to_make(folder.plan(picture=True)) == []
    folder.add("b.mp4")
    (folder.out / "b_cmmd.png").write_bytes(b"mine")
    assert to_make(folder.plan()) == ["b.mp4"]
    with pytest.raises(InputError, match=r"b_cmmd\.png: found a file that is there already"):
        folder.plan(picture=True)


def test_what_cannot_be_used_is_told_and_the_others_are_planned(folder):
    folder.add("a.mp4")
    (folder.clips / "b.mp4").write_text("text")
    (folder.clips / "c.mp4").symlink_to("nowhere")
    folder.add(f"{'d' * 247}.mp4")
    plan = folder.plan()
    assert [one.clip.name for one in plan.clips] == ["a.mp4"]
    told = [line for _, line in plan.unusable]
    assert "b.mp4: found 4 bytes that are no known media format" in told[0]
    assert "c.mp4: found no such file" in told[1]
    assert "found a name of 256 bytes, expected 255 at most" in told[2]


def test_results_beside_their_sources_replace_none(folder):
    folder.add("a.mp4")
    folder.out = folder.clips
    (one,) = folder.plan(overwrite=True).clips
    assert one.outs == (folder.clips / "a_cmmd.mp4",)
    (folder.clips / "a_cmmd.mp4").hardlink_to(folder.clips / "a.mp4")
    plan = folder.plan(overwrite=True)
    assert "a_cmmd.mp4: found an input, expected another file to write" in plan.unusable[0][1]


def test_stretches_of_one_file_are_clips_of_their_own(folder):
    source = folder.add("a.mov")
    clips = [GivenClip(source=source, name="a.mov", start=start, end=end) for start, end in ((0, 0.2), (0.2, None))]
    plan = folder.plan(clips=clips)
    assert names(folder, plan) == ["a_0-0.2_cmmd.mp4", "a_0.2-_cmmd.mp4"]
    folder.make(plan)
    assert to_make(folder.plan(clips=clips)) == []
    # The whole file is another clip.
    assert to_make(folder.plan(clips=[*clips, GivenClip(source=source, name="a.mov")])) == ["a.mov"]


def test_a_line_of_another_stretch_is_about_another_clip(folder):
    """Whatever its result is called."""
    source = folder.add("a.mp4")
    clip = GivenClip(source=source, name="a.mp4", start=0.1, end=0.3)
    folder.make(folder.plan(clips=[clip]))
    (line,) = Record.read(folder.out).lines_about(source)
    compare = partial(folder.making.difference, clip=clip, made="audio", seed=0)
    assert compare(line) is None
    for other in (replaced(line, start=0.2), replaced(line, end=None), replaced(line, start=None)):
        assert compare(other) == "of another input, or one that has changed"


def test_the_same_bytes_may_have_been_made_in_two_ways(folder):
    folder.add("a.mp4")
    for options in (GenerateOptions(), GenerateOptions(sampling=SamplingConfig(guidance=1))):
        folder.make(folder.plan(options, overwrite=True), options)
    for options in (GenerateOptions(), GenerateOptions(sampling=SamplingConfig(guidance=1))):
        assert to_make(folder.plan(options)) == []


def test_the_sound_of_another_file_is_not_the_clips_own(folder):
    clip = GivenClip(source=folder.add("a.mp4"), name="a.mp4", where="t.csv line 2", other_sound=True)
    assert to_make(folder.plan(clips=[clip])) == ["a.mp4"]
    for options in (
        *(GenerateOptions(mastering=Mastering(mix=-6)), GenerateOptions(keep=((0, 0.1),))),
        GenerateOptions(keep_sound=True),
    ):
        plan = folder.plan(options, clips=[clip])
        assert plan.clips == [] and "t.csv line 2: found a file in the column sound" in plan.unusable[0][1]


def test_the_digest_of_a_model_is_of_its_content_wherever_it_lies(model_folder, tmp_path):
    first = model_digest(model_folder)
    model_folder.rename(tmp_path / "elsewhere")
    assert model_digest(tmp_path / "elsewhere") == first
    index = tmp_path / "elsewhere" / "model_index.json"
    index.write_text(index.read_text() + " ")
    assert model_digest(tmp_path / "elsewhere") != first


def test_thousands_of_names_are_told_apart_at_once(folder):
    source = folder.add("a.mp4")
    clips = [GivenClip(source=source, name=f"{n}/a.mp4", start=float(n)) for n in range(2_000)]
    folder.make(folder.plan(clips=clips[:1]))
    assert len(set(names(folder, folder.plan(clips=clips)))) == 2_000
