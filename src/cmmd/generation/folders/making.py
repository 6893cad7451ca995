"""What a result depends on (settings, model and input), and whether an existing result is up to date (ours)."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmmd.generation.clip_generation import GenerateOptions
from cmmd.generation.folders.given_clips import GivenClip
from cmmd.generation.folders.record import Fingerprint, RecordLine

MODEL_FILES = ("*.json", "*.safetensors")


@dataclass(frozen=True, kw_only=True, slots=True)
class Making:
    """What all clips of a run share. model: its name. model_folder, model_sha256: the model's files and their
    digest."""

    options: GenerateOptions
    model: str
    model_folder: Path
    model_sha256: str

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as stored in a line of the record."""
        return settings_of(self.options)

    def difference(self, line: RecordLine, clip: GivenClip, *, made: str, seed: int) -> str | None:
        """Compares the result of a record line with the result that `clip` would get now.

        made, seed: target and seed of the clip. Returns a phrase for the first difference, or None if there is none.
        """
        if line.made != made:
            return f"made as {line.made}"
        outputs = self.options.outputs
        if not seed <= line.seed < seed + (outputs.takes if outputs.best else 1):
            return f"of seed {line.seed}"
        if line.generator.model_sha256 != self.model_sha256:
            return f"of another model ({line.generator.model})"
        before, now = DEFAULTS | line.settings, self.settings  # a setting added after the line had its default
        for name in sorted(before | now):
            if before.get(name) != now.get(name):
                return f"with {name} {json.dumps(before.get(name))}"
        same_stretch = (line.stretch.start or 0.0, line.stretch.end) == (clip.start or 0.0, clip.end)
        if not same_stretch or not line.files.input_file.is_of(clip.source):
            return "of another input, or one that has changed"
        return None


def settings_of(options: GenerateOptions) -> dict[str, Any]:
    """Returns all settings that change a result, as JSON values. Direction, seed and model are recorded separately."""
    settings = {
        **asdict(options.sampling),
        **asdict(options.mastering),
        "fit": options.fit,
        "keep": options.keep,
        "keep_sound": options.keep_sound,
        "seconds": options.seconds if options.joint else None,
        "dtype": options.model.dtype,
        "best_of": options.outputs.takes if options.outputs.best else 1,
    }
    return json.loads(json.dumps(settings))


DEFAULTS = settings_of(GenerateOptions())


def model_digest(folder: Path) -> str:
    """Returns a sha256 over the relative names and the contents of a model's files; it does not depend on the model's
    location."""
    files = {path.relative_to(folder).as_posix(): path for pattern in MODEL_FILES for path in folder.rglob(pattern)}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {Fingerprint.of(files[name]).sha256}\n".encode())
    return digest.hexdigest()
