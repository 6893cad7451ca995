"""The channels of a sound as one: their mean, or the loudest where the mean would cancel them (ours).

Stereo in opposite phase (a cable with swapped poles) is silent in the mean. What cancels is measured while a file is
mixed; whoever finds that too much did mixes again, with one channel, for the whole of the file: no seam can be heard.
"""

import numpy as np

CANCELLED = 0.02
"""Of the channels' energy in the mean of a block: less of it, and they have cancelled each other (-17 dB). Sounds that
have nothing to do with each other keep a half."""
TOO_MUCH = 0.1
"""Share of a file's energy in blocks that cancel. In music, wide as it may be mixed, they are rare."""
AS_LOUD = 0.8
"""Of the energy of the loudest channel: the first that has so much is taken, so that rounding does not decide."""


class ChannelMix:
    """Mixes blocks of a file to one channel, always the same way: the mean, or `channel` alone (0 is the first)."""

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._energies = np.zeros(0)  # of each channel
        self._cancelled = 0.0  # energy, mean of the channels, in blocks that cancel

    def mix(self, block: np.ndarray) -> np.ndarray:
        """Float32 (samples, channels) to (samples,); what a decoder made up of damaged data (nan) becomes silence."""
        channels = block.shape[1]
        if channels == 1:
            return _finite(block[:, 0])
        if self._channel is not None:
            return _finite(block[:, min(self._channel, channels - 1)])
        mean = _finite(block.mean(axis=1))
        self._note(_finite(block), mean)
        return mean

    @property
    def instead(self) -> "ChannelMix | None":
        """After the last block: how to mix the file if its mean cancels; None if the mean will do."""
        total = float(self._energies.sum())
        if self._channel is not None or not total or self._cancelled <= TOO_MUCH * total / len(self._energies):
            return None
        return ChannelMix(int(np.argmax(self._energies >= AS_LOUD * self._energies.max())))

    def notes(self) -> list[str]:
        """One sentence if it is not the mean."""
        if self._channel is None:
            return []
        return [f"the channels cancel each other (opposite phase): channel {self._channel + 1} alone is heard"]

    def _note(self, block: np.ndarray, mean: np.ndarray) -> None:
        energies = np.square(block, dtype=np.float64).sum(axis=0)
        if len(energies) > len(self._energies):
            self._energies = np.pad(self._energies, (0, len(energies) - len(self._energies)))
        self._energies[: len(energies)] += energies
        if np.square(mean, dtype=np.float64).sum() < CANCELLED * energies.mean():
            self._cancelled += float(energies.mean())


class StereoSide(ChannelMix):
    """One side (0 is the left) of a sound of two channels. One of another number of channels is the same on both: their
    mean."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self.channels = 0

    def mix(self, block: np.ndarray) -> np.ndarray:
        """Float32 (samples, channels) to (samples,)."""
        self.channels = max(self.channels, block.shape[1])
        return _finite(block[:, self._side]) if block.shape[1] == 2 else super().mix(block)


def _finite(samples: np.ndarray) -> np.ndarray:
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
