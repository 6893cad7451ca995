"""All mutants, folder by folder of the source."""

import in_clips_and_generation
import in_decoders
import in_diffusion
import in_generated_folders
import in_hits
import in_losses
import in_media_writing
import in_models
import in_training_run
import in_training_step

MODULES = (
    in_losses,
    in_diffusion,
    in_models,
    in_training_step,
    in_training_run,
    in_clips_and_generation,
    in_decoders,
    in_media_writing,
    in_hits,
    in_generated_folders,
)
MUTANTS = tuple(mutant for module in MODULES for mutant in module.MUTANTS)
