"""Mixes the channels of a sound to one: their mean, or the loudest channel where the mean would cancel (ours).

Stereo in opposite phase (a cable with swapped poles) is silent in the mean. Cancellation is measured while a file is
mixed. If too much has cancelled, the caller mixes the whole file again from one channel, so that there is no audible
seam.
"""

import numpy as np

CANCELLED = 0.02
"""Share of the channels' mean energy. A block whose mean has less than this share (-17 dB) counts as cancelled. The
mean of two unrelated sounds retains half of the energy."""
TOO_MUCH = 0.1
"""Share of a file's energy in cancelled blocks above which the mean is rejected. In music, even in a wide mix, such
blocks are rare."""
AS_LOUD = 0.8
"""Share of the energy of the loudest channel. The first channel with at least this share is used, so that rounding does
not decide between equal channels."""


class ChannelMix:
    """Mixes all blocks of a file to one channel in the same way: by the mean, or by `channel` alone (0 is the
    first)."""

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._energies = np.zeros(0)  # per channel
        self._cancelled = 0.0  # energy of the cancelled blocks, mean over the channels

    def mix(self, block: np.ndarray) -> np.ndarray:
        """Returns the mix of `block`, float32 (samples, channels), as (samples,). NaN and infinite samples, which
        decoders produce from damaged data, become silence."""
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
        """After the last block: a mix of one channel if the mean of the file cancels, otherwise None."""
        total = float(self._energies.sum())
        if self._channel is not None or not total or self._cancelled <= TOO_MUCH * total / len(self._energies):
            return None
        return ChannelMix(int(np.argmax(self._energies >= AS_LOUD * self._energies.max())))

    def notes(self) -> list[str]:
        """Returns one sentence if a single channel is used, otherwise an empty list."""
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
    """Mixes to one side (0 is left) of a sound of two channels. For any other number of channels both sides are the
    mean."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self.channels = 0

    def mix(self, block: np.ndarray) -> np.ndarray:
        """Maps float32 (samples, channels) to (samples,)."""
        self.channels = max(self.channels, block.shape[1])
        return _finite(block[:, self._side]) if block.shape[1] == 2 else super().mix(block)


def _finite(samples: np.ndarray) -> np.ndarray:
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
