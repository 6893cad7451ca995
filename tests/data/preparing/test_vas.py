"""The fireworks set: its table, and the sound that a picture of a log-mel stands for."""

import numpy as np
import pytest

from cmmd.data.preparing.vas import list_vas, read_log_mel, sound_of_picture
from cmmd.errors import InputError
from cmmd.latents.spectrogram import mel_filters


def test_clips_of_one_video_are_one_group(data_folder):
    listing = list_vas(data_folder / "vas_fireworks")
    assert len(listing.requests) == 582 and len({r.group for r in listing.requests}) == 531


def test_a_sound_has_the_log_mel_of_its_picture(data_folder):
    path = data_folder / "vas_fireworks" / "specs/video_00004_0_real.png"
    true = read_log_mel(path)
    sound = sound_of_picture(path, sample_rate=22_050)
    window = np.hanning(2049)[:-1]
    padded = np.pad(sound, 1024, mode="reflect")
    starts = range(0, len(padded) - 2047, 512)
    spectrum = np.abs(np.fft.rfft(np.stack([padded[s : s + 2048] * window for s in starts]))) ** 2
    filters = mel_filters(128, 2048, 22_050, lowest=0.0, normalised=False).numpy()
    heard = np.log(spectrum @ filters.T + 1e-10).T
    loud = true.numpy() > true.max().item() - 8  # what is heard at all
    frames = min(heard.shape[1], true.shape[1])
    shift = np.median((heard[:, :frames] - true.numpy()[:, :frames])[loud[:, :frames]])  # the level may be another
    error = np.abs(heard[:, :frames] - true.numpy()[:, :frames] - shift)[loud[:, :frames]]
    assert np.median(error) < 0.5  # natural logarithm of power: 2 dB


def test_what_is_no_such_set_is_told(tmp_path):
    with pytest.raises(InputError, match=r"MANIFEST\.csv: found nothing to read"):
        list_vas(tmp_path)
    (tmp_path / "MANIFEST.csv").write_text("file\na.mp4\n")
    with pytest.raises(InputError, match="found no clip, source_video, video, real_logmel_png"):
        list_vas(tmp_path)
    with pytest.raises(InputError, match="found no picture that can be read"):
        read_log_mel(tmp_path / "MANIFEST.csv")
