"""Mistakes in the decoding of log-mel to sound."""

from mutant import Mutant

CODEC, NOISE = "latents/spectrogram.py", "latents/test_comfort_noise.py"
NETWORK, DECODER = "latents/test_magnitude_network.py", "latents/test_waveform_decoder.py"

# fmt: off
MUTANTS = (
    Mutant("decoded silence is digital", CODEC,
           "if not self.noise:", "if True:", NOISE),
    Mutant("blocks of comfort noise start anew", "latents/comfort_noise.py",
           "past = white[:, BLOCK:]", "past = 0 * past", NOISE),
    Mutant("an estimator sees its own block only", CODEC,
           "first = max(0, stretch.start - self.estimator.reach)", "first = stretch.start", NETWORK),
    Mutant("an estimator's magnitudes are not scaled to the mel", CODEC,
           "magnitude = magnitude * torch.where(weight > 1e-5, scale, 1.0)", "pass", NETWORK),
    Mutant("a vocoder sees its own block only", "latents/spectrum_vocoder.py",
           "max(0, start - self.reach)", "start", "latents/test_spectrum_vocoder.py"),
    Mutant("the judgement of true sound trains the vocoder's judges as well", "losses/adversarial.py",
           "    module.requires_grad_(False)", "    pass", "losses/test_adversarial.py"),
    Mutant("a vocoder of another hop", "latents/upsampling_vocoder.py",
           '("hop", math.prod(rates), geometry.hop)', '("hop", geometry.hop, geometry.hop)', DECODER),
    Mutant("the decoder of a folder is not used", "pipelines/saved_pipeline.py",
           "waveform_decoder=components.waveform_decoder,", "waveform_decoder=None,", DECODER),
    Mutant("training magnitudes without gains", "recipes/sounds.py",
           "return 10 ** (decibels / 20) * crops", "return crops", "recipes/test_magnitudes.py"),
)
