"""`cmmd generate` on files: names, directions, takes, failures that do not stop the others."""

import av
import numpy as np
import pytest

from cmmd import generation
from cmmd.cli import main
from cmmd.clips.reading import probe, read_clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip


@pytest.fixture
def folder(tmp_path):
    clip = world_clip("dance", 3)
    write_video(clip.frames, tmp_path / "clip.mp4", fps=10)
    write_sound(clip.waveform, tmp_path / "sound.wav", sample_rate=16_000)
    return tmp_path


def run(*words: object) -> int:
    return main([str(word) for word in ("generate", *words, "--steps", 2)])


def test_a_video_gets_sound_and_a_sound_gets_video(folder, capsys):
    assert run(folder / "clip.mp4", folder / "sound.wav", "--picture") == 0
    with_sound, with_video = read_clip(folder / "clip_cmmd.mp4"), read_clip(folder / "sound_cmmd.mp4")
    assert with_sound.waveform is not None and np.abs(with_sound.waveform).max() > 0.001
    assert with_video.frames is not None and len(with_video.frames) == 16
    printed = capsys.readouterr().out
    assert "video packets copied, identical" in printed
    for part in ("reading", "denoising", "decoding", "writing"):
        assert f"{part} " in printed
    assert (folder / "clip_cmmd.png").stat().st_size > 10_000


def test_what_browsers_do_not_play_is_kept_only_where_it_was_asked_for(folder, capsys):
    """MPEG-4 part 2 from an AVI file: H.264 where the container is ours to choose, and the line says why."""
    with av.open(str(folder / "old.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for picture in world_clip("dance", 3).frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    assert run(folder / "old.avi") == 0
    assert "video encoded again as H.264 (browsers do not play mpeg4)" in capsys.readouterr().out
    assert run(folder / "old.avi", "--out", folder / "named.mp4") == 0
    assert "video packets copied, identical" in capsys.readouterr().out
    codecs = [probe(folder / name).video_codec for name in ("old_cmmd.mp4", "named.mp4")]
    assert codecs == ["h264", "mpeg4"]


def test_what_is_left_out_is_told(folder, capsys):
    clip = world_clip("dance", 3)
    write_video(clip.frames, folder / "loud.mp4", fps=10, waveform=clip.waveform, sample_rate=16_000)
    assert run(folder / "loud.mp4") == 0
    assert "  left out: the old sound (aac)\n" in capsys.readouterr().out


def test_same_seed_same_file(folder):
    for name in ("a.mp4", "b.mp4"):
        assert run(folder / "clip.mp4", "--out", folder / name, "--seed", 3) == 0
    assert (folder / "a.mp4").read_bytes() == (folder / "b.mp4").read_bytes()


def test_takes_are_numbered(folder):
    assert run(folder / "clip.mp4", "--takes", 2, "--out", folder / "take.wav") == 0
    assert (folder / "take_1.wav").read_bytes() != (folder / "take_2.wav").read_bytes()


def test_joint_needs_no_input(folder):
    assert run("--joint", "--seconds", 1, "--out", folder / "both.mp4") == 0
    clip = read_clip(folder / "both.mp4")
    assert clip.frames is not None and len(clip.frames) == 10 and clip.waveform is not None


def test_a_bad_input_is_one_line_and_the_others_go_on(folder, capsys):
    (folder / "notes.txt").write_text("not media")
    assert run(folder / "notes.txt", folder / "clip.mp4", "--out", f"{folder}/results/") == 2
    assert (folder / "results" / "clip_cmmd.mp4").exists()
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_folder_that_is_no_model_is_refused(folder, capsys):
    assert run(folder / "clip.mp4", "--model", folder) == 2
    assert "model_index.json" in capsys.readouterr().err


def test_nothing_is_loaded_for_what_cannot_be_done(folder, capsys, monkeypatch):
    """A mistyped name, a missing part, a bad suffix, a result that is there: before the model is loaded."""
    monkeypatch.setattr(generation, "load_pipeline", lambda *_, **__: pytest.fail("the model was loaded"))
    (folder / "sound_cmmd.mp4").write_bytes(b"mine")
    for words, message in (
        ((folder / "clop.mp4",), "found no such file"),
        ((folder / "clip.mp4", "--to", "video"), "found no audio that can be decoded"),
        ((folder / "sound.wav", "--to", "audio"), "found no video that can be decoded"),
        ((folder / "clip.mp4", "--out", folder / "x.gif"), "found the suffix '.gif'"),
        ((folder / "sound.wav", "--out", folder / "made.wav"), "found the suffix '.wav'"),
        ((folder / "sound.wav",), "found a file that is there already"),
    ):
        assert run(*words) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert message in line
    assert sorted(path.name for path in folder.iterdir()) == ["clip.mp4", "sound.wav", "sound_cmmd.mp4"]
    assert (folder / "sound_cmmd.mp4").read_bytes() == b"mine"


def test_a_second_run_takes_no_result_for_an_input(folder, capsys):
    assert run(folder / "clip.mp4") == 0
    first = (folder / "clip_cmmd.mp4").read_bytes()
    assert run(folder / "clip.mp4", folder / "clip_cmmd.mp4", "--overwrite", "--seed", 1) == 0
    assert "clip_cmmd.mp4: left out, it is the result of" in capsys.readouterr().err
    assert (folder / "clip_cmmd.mp4").read_bytes() != first
    assert sorted(path.name for path in folder.iterdir()) == ["clip.mp4", "clip_cmmd.mp4", "sound.wav"]


def test_a_folder_stands_for_its_clips(folder, capsys):
    assert run(folder, "--out", f"{folder}/made/") == 0
    assert sorted(path.name for path in (folder / "made").iterdir()) == ["clip_cmmd.mp4", "sound_cmmd.mp4"]
    (folder / "empty").mkdir()
    assert run(folder / "empty") == 2
    assert "found a folder without a clip" in capsys.readouterr().err


def test_what_had_to_be_put_right_is_told(folder, capsys):
    """Frames of AAC that say nothing."""
    clip = world_clip("dance", 3)
    write_video(clip.frames, folder / "whole.mp4", fps=10, waveform=clip.waveform, sample_rate=16_000)
    damaged = bytearray((folder / "whole.mp4").read_bytes())
    middle = len(damaged) * 3 // 4
    damaged[middle : middle + 3000] = bytes([255]) * 3000
    (folder / "damaged.mp4").write_bytes(damaged)
    target, other = ("video", "audio") if read_clip(folder / "damaged.mp4", want="audio").notes else ("audio", "video")
    notes = read_clip(folder / "damaged.mp4", want=other).notes
    assert notes and run(folder / "damaged.mp4", "--to", target) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [f"  {note}" for note in notes] == printed[1 : 1 + len(notes)]
