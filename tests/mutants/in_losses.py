"""Mistakes in the losses: the contrastive term, the denoising error, the autoencoder's."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

CONTRASTIVE, DENOISING = "losses/contrastive.py", "losses/denoising.py"
MUTANTS = (
    Mutant("contrastive weight rises a step late", CONTRASTIVE,
           "(step - self.begin + 1) / (self.ramp + 1)",
           "(step - self.begin) / (self.ramp + 1)", "losses/test_contrastive.py"),
    Mutant("contrastive weight rises beyond its value", CONTRASTIVE,
           "self.weight * min(1.0, (step - self.begin + 1) / (self.ramp + 1))",
           "self.weight * (step - self.begin + 1) / (self.ramp + 1)", "losses/test_contrastive.py"),
    Mutant("contrastive term begins a step late", CONTRASTIVE,
           "if step < self.begin:", "if step <= self.begin:", "losses/test_contrastive.py"),
    Mutant("InfoNCE ignores the valid mask", CONTRASTIVE,
           "(-mismatched / config.temperature).where(valid, -torch.inf)",
           "-mismatched / config.temperature", "losses/test_contrastive.py"),
    Mutant("temperature of the mismatched errors alone", CONTRASTIVE,
           "-matched[None] / config.temperature", "-matched[None]", "losses/test_contrastive.py"),
    Mutant("InfoNCE over the batch", CONTRASTIVE,
           "-logits.log_softmax(dim=0)[0]", "-logits.log_softmax(dim=1)[0]", "losses/test_contrastive.py"),
    Mutant("InfoNCE with its sign flipped", CONTRASTIVE,
           "-logits.log_softmax(dim=0)[0]", "logits.log_softmax(dim=0)[0]", "losses/test_contrastive.py"),
    Mutant("linear gap with its sign flipped", CONTRASTIVE,
           "(matched - mismatched).clamp_min", "(mismatched - matched).clamp_min", "losses/test_contrastive.py"),
    Mutant("linear form without its margin", CONTRASTIVE,
           ".clamp_min(-config.margin).where(valid, 0.0)", ".where(valid, 0.0)", "losses/test_contrastive.py"),
    Mutant("linear form divides by all kinds", CONTRASTIVE,
           "gaps.sum(0) / valid.sum(0).clamp(min=1)", "gaps.mean(0)", "losses/test_contrastive.py"),
    Mutant("denoising error over clean frames too", DENOISING,
           "(predicted - target).square() * over_elements(mask, predicted)",
           "(predicted - target).square()", "losses/test_denoising.py"),
    Mutant("denoising error not over the generated frames alone", DENOISING,
           ".mean(dim=1) / generated", ".mean(dim=1)", "losses/test_denoising.py"),
    Mutant("denoising error over the number of frames", DENOISING,
           ".clamp(min=1.0) / mask.shape[1]", ".clamp(min=1.0)", "losses/test_denoising.py"),
    Mutant("no noise on the autoencoder's latents", "losses/reconstruction.py",
           "latents + LATENT_NOISE * noise", "latents", "losses/test_reconstruction.py"),
    Mutant("no penalty on the latents' size", "losses/reconstruction.py",
           " + SPREAD * spread", "", "losses/test_reconstruction.py"),
    Mutant("edges along one axis alone", "losses/reconstruction.py",
           "(difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()) / 2",
           "difference.diff(dim=-1).abs().mean()", "losses/test_reconstruction.py"),
)
