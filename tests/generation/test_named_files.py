"""`cmmd generate` on files: names, directions, takes, failures that do not stop the others."""

from pathlib import Path

import av
import numpy as np
import pytest

from cmmd.cli import main
from cmmd.clips.loudness import measure_loudness
from cmmd.clips.reading import probe, read_clip
from cmmd.clips.stereo import read_stereo
from cmmd.clips.writing import write_sound, write_sound_under_video, write_video
from cmmd.data.world.families import world_clip
from cmmd.generation import named_files


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
    codecs = [probe(folder / name).video.video_codec for name in ("old_cmmd.mp4", "named.mp4")]
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
    assert sum(line.startswith("cmmd: ") for line in capsys.readouterr().err.splitlines()) == 1


def test_a_folder_that_is_no_model_is_refused(folder, capsys):
    assert run(folder / "clip.mp4", "--model", folder) == 2
    assert "model_index.json" in capsys.readouterr().err


def test_nothing_is_loaded_for_what_cannot_be_done(folder, capsys, monkeypatch):
    """A mistyped name, a missing part, a bad suffix, a result that is there: before the model is loaded."""
    monkeypatch.setattr(named_files, "load_pipeline", lambda *_, **__: pytest.fail("the model was loaded"))
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
    made = ["clip_cmmd.mp4", "made.jsonl", "sound_cmmd.mp4"]
    assert sorted(path.name for path in (folder / "made").iterdir()) == made
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


@pytest.fixture
def scene(folder) -> Path:
    """A clip with a picture and a stereo sound, one side softer."""
    clip = world_clip("dance", 3)
    sound = np.stack([clip.waveform, 0.5 * clip.waveform])
    write_video(clip.frames, folder / "silent.mp4", fps=10)
    write_sound_under_video(folder / "silent.mp4", sound, folder / "scene.mkv", sample_rate=16_000)
    return folder / "scene.mkv"


def test_a_stretch_is_kept_and_the_rest_is_made(scene, folder):
    assert run(scene, "-o", folder / "made.wav", "--keep", "0-0.4", "--keep", "1-1.6") == 0
    made, given = read_clip(folder / "made.wav").waveform, read_clip(scene).waveform
    assert made is not None and given is not None
    for kept in (slice(0, 6_200), slice(16_200, 25_600)):
        np.testing.assert_allclose(made[kept], given[kept], atol=2e-4)  # 16 bit
    assert np.abs(made[6_400:16_000] - given[6_400:16_000]).max() > 0.01
    assert run(scene, "-o", folder / "made.mp4", "--to", "video", "--keep", "0-0.4") == 0
    frames, before = read_clip(folder / "made.mp4").frames, read_clip(scene).frames
    assert frames is not None and before is not None
    assert np.abs(frames[:4].astype(int) - before[:4]).mean() < 8 < np.abs(frames[8:].astype(int) - before[8:]).mean()


def test_what_cannot_be_kept_is_one_line_that_names_the_file(scene, folder, capsys):
    assert run(scene, "-o", folder / "made.mp4", "--keep", "0-9") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"cmmd: {scene}: keep: found 0 to 9 s, expected times from 0 to 1.6 s, the clip's end"
    assert not (folder / "made.mp4").exists()


def test_a_scene_goes_on_beyond_its_end(scene, folder):
    words = ("--joint", "--keep", "0-1.6", "-o", folder / "longer.mp4")
    assert run(scene, *words, "--seconds", 2.4) == 0
    longer, given = read_clip(folder / "longer.mp4"), read_clip(scene)
    assert longer.frames is not None and len(longer.frames) == 24
    assert longer.waveform is not None and given.waveform is not None
    assert np.corrcoef(longer.waveform[:24_000], given.waveform[:24_000])[0, 1] > 0.95
    assert run(scene, "--joint", "--keep", "0-0.8", "-o", folder / "same.mp4") == 0
    same = read_clip(folder / "same.mp4")
    assert same.frames is not None and len(same.frames) == 16


def test_the_sound_is_delivered_as_asked_for(scene, folder, capsys):
    words = ("--mix", -12, "--duck", 6, "--loudness", -20, "--keep-sound", "-o", folder / "made.mkv")
    assert run(scene, *words) == 0
    printed = capsys.readouterr().out
    assert "  loudness -20.0 LUFS, true peak -" in printed and "old sound" not in printed
    with av.open(str(folder / "made.mkv")) as container:
        found = [
            (stream.codec_context.sample_rate, stream.codec_context.channels) for stream in container.streams.audio
        ]
    assert found == [(48_000, 2), (48_000, 2)]
    sides = read_stereo(folder / "made.mkv")
    assert sides is not None
    assert measure_loudness(sides.waveform, 48_000).lufs == pytest.approx(-20, abs=0.5)
    assert np.abs(sides.waveform[0] - sides.waveform[1]).max() > 0.01  # the own sound is louder on the left


def test_without_such_wishes_a_result_is_what_it_was(scene, folder):
    assert run(scene, "-o", folder / "made.mkv") == 0
    found = probe(folder / "made.mkv")
    assert found.audio.channels == 1
    assert run(scene, "-o", folder / "stereo.wav", "--stereo") == 0
    assert (probe(folder / "stereo.wav").audio.channels, probe(folder / "stereo.wav").audio.sample_rate) == (2, 48_000)


def test_a_silent_video_has_nothing_to_keep_or_mix_and_that_is_told(folder, capsys):
    assert run(folder / "clip.mp4", "--keep-sound", "--mix", -6) == 0
    printed = capsys.readouterr().out
    assert "  no sound of its own to mix in\n" in printed and "  no sound of its own to keep\n" in printed


def test_a_clip_beyond_the_model_is_told(folder, capsys):
    """A picture that does not move holds no timing; a dancer does."""
    write_video(np.full((16, 64, 64, 3), 90, np.uint8), folder / "still.mp4", fps=10)
    assert run(folder / "still.mp4") == 0
    assert "beyond what the model has learnt: the best take scores " in capsys.readouterr().out
    assert main(["generate", str(folder / "clip.mp4"), "--steps", "8"]) == 0
    assert "beyond what the model" not in capsys.readouterr().out
