"""A file that names other files or addresses is refused, whatever it is called; nothing else is opened."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from cmmd.cli import main
from cmmd.clips.opening import OPENS_OTHERS, OPTIONS
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_video
from cmmd.errors import InputError

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{0}\n"
LISTS = {
    "a playlist": HLS + "#EXT-X-ENDLIST\n",
    "a live playlist": HLS,
    "ffconcat": "ffconcat version 1.0\nfile {0}\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet '
    'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".mpd", ".txt", ".ts"])
@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("target", ["clip.mp4", "self", "http://127.0.0.1:9/x.mp4", "/etc/passwd"])
def test_a_list_is_refused_and_what_it_names_is_not_opened(tmp_path, kind, suffix, target):
    clip, listed = tmp_path / "clip.mp4", tmp_path / f"list{suffix}"
    write_video(np.zeros((4, 16, 16, 3), np.uint8), clip, fps=10)
    os.utime(clip, ns=(0, 0))
    listed.write_text(LISTS[kind].format(listed.name if target == "self" else target))
    with pytest.raises(InputError, match="expected a media file with video or sound"):
        read_clip(listed)
    assert clip.stat().st_atime_ns == 0


def test_the_command_refuses_it_in_a_line(tmp_path, capsys):
    (tmp_path / "list.mp4").write_text(LISTS["ffconcat"].format("clip.mp4"))
    assert main(["generate", str(tmp_path / "list.mp4")]) == 2
    told = "found a list of other files or streams, or no media, expected a media file with video or sound"
    assert capsys.readouterr().err == f"cmmd: {tmp_path / 'list.mp4'}: {told}\n"


def test_a_picture_with_a_number_sign_in_its_name_is_itself(tmp_path):
    for name, level in (("img%d.png", 200), ("img1.png", 20)):
        picture = np.full((16, 16, 3), level, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        with av.open(str(tmp_path / f"{level}.png"), "w", format="image2", options={"update": "1"}) as out:
            stream = out.add_stream("png", rate=1)
            stream.width = stream.height = 16  # pyright: ignore
            stream.pix_fmt = "rgb24"  # pyright: ignore
            out.mux(stream.encode(frame))  # pyright: ignore
            out.mux(stream.encode(None))  # pyright: ignore
        (tmp_path / f"{level}.png").rename(tmp_path / name)
    frames = read_clip(tmp_path / "img%d.png", want="video").frames
    assert frames is not None and abs(int(frames[0].mean()) - 200) < 3


def test_every_reader_of_files_alone_is_allowed():
    allowed = set(OPTIONS["format_whitelist"].split(","))
    assert not allowed & OPENS_OTHERS and len(allowed) > 300
    assert {"mov,mp4,m4a,3gp,3g2,mj2"[:3], "matroska", "avi", "mpegts", "wav", "flac", "ogg", "image2"} <= allowed


def test_a_pipe_is_refused_without_waiting(tmp_path):
    pipe = Path(tmp_path / "pipe.mp4")
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="found no regular file"):
        read_clip(pipe)
