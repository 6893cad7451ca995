"""The single source of all lengths of a clip: frames, spectrogram frames, samples, latents (ours: decision 03)."""

from dataclasses import asdict, dataclass

SPECTROGRAM_FRAMES_PER_VIDEO_FRAME = 8
"""After three halvings of time the spectrogram has the frame rate of the video: fusion never interpolates by a
fraction."""

AUTOENCODER_DOWNSAMPLING = 8
"""Pixels per latent in each direction, as in the Stable Diffusion autoencoders."""


LARGEST = {"fps": 1_000, "frames": 2**20, "sample_rate": 768_000, "mels": 4_096, "image_size": 2**15}
"""Upper limits. A larger size is a typing error, which would otherwise only show when memory runs out."""
MOST = 2**28
"""Limit on pixels, samples or spectrogram values of one clip, for the same reason: 4,096 frames of 256 x 256."""


USUAL = {
    "fps": (10, 12, 15, 16, 20, 24, 25, 30, 50, 60),
    "sample_rate": (16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
"""Values that the error message suggests for an incompatible pair."""


def go_together(fps: int, sample_rate: int) -> bool:
    """Whether a spectrogram frame has a whole number of samples. 44,100 Hz is not a multiple of 8 and fits no frame
    rate."""
    return sample_rate % (fps * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME) == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """Sizes of one training clip.

    fps: video frames per second. frames: video frames of a clip. sample_rate: Hz. mels: frequency bins of the log-mel
    spectrogram. image_size: pixels along each side of the square frame.

    Raises ValueError if a size is not a whole number from 1 to its limit in `LARGEST`, if `sample_rate` is not a
    multiple of 8 times `fps`, if `image_size` is not a multiple of 8, or if the clip has more than `MOST` pixels,
    samples or spectrogram values.
    """

    fps: int = 10
    frames: int = 16
    sample_rate: int = 16_000
    mels: int = 64
    image_size: int = 64

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LARGEST[name]:
                raise ValueError(f"{name} is {value!r:.60}, expected a whole number from 1 to {LARGEST[name]}")
        if not go_together(self.fps, self.sample_rate):
            raise ValueError(
                f"sample_rate {self.sample_rate} is not a multiple of "
                f"{SPECTROGRAM_FRAMES_PER_VIDEO_FRAME} spectrogram frames times fps {self.fps}: {self._alternatives()}"
            )
        if self.image_size % AUTOENCODER_DOWNSAMPLING:
            raise ValueError(f"image_size {self.image_size} is not a multiple of {AUTOENCODER_DOWNSAMPLING}")
        for name, count in (
            ("pixels", self.frames * self.image_size**2),
            ("samples", self.samples),
            ("spectrogram values", self.spectrogram_frames * self.mels),
        ):
            if count > MOST:
                raise ValueError(f"a clip of {self.frames} frames has {count} {name}, expected {MOST} at most")

    def _alternatives(self) -> str:
        """Returns usual values compatible with each of the two; media at other rates are resampled."""
        rates = [rate for rate in USUAL["sample_rate"] if go_together(self.fps, rate)]
        speeds = [fps for fps in USUAL["fps"] if go_together(fps, self.sample_rate)]
        first, second = (", ".join(map(str, values)) or "no usual one" for values in (rates, speeds))
        return f"sample rates that go with fps {self.fps}: {first}; fps that go with {self.sample_rate} Hz: {second}"

    @property
    def hop(self) -> int:
        """Samples between two spectrogram frames."""
        return self.sample_rate // (self.fps * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME)

    @property
    def spectrogram_frames(self) -> int:
        """n = 8 f."""
        return self.spectrogram_frames_of(self.frames)

    @property
    def samples_per_frame(self) -> int:
        """Waveform samples per video frame."""
        return self.sample_rate // self.fps

    @property
    def samples(self) -> int:
        """Waveform samples of a clip."""
        return self.samples_of(self.frames)

    @property
    def seconds(self) -> float:
        """Duration of a clip in seconds."""
        return self.frames / self.fps

    @property
    def latent_size(self) -> int:
        """Height and width of a frame's latents."""
        return self.image_size // AUTOENCODER_DOWNSAMPLING

    def spectrogram_frames_of(self, frames: int) -> int:
        """Spectrogram frames for this number of video frames."""
        return frames * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME

    def samples_of(self, frames: int) -> int:
        """Waveform samples for this number of video frames."""
        return frames * self.samples_per_frame
