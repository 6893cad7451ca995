"""Jinja2 templates; every inserted text is escaped (ours)."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def html_templates(folder: Path) -> Environment:
    """Returns the templates of a folder. A template raises UndefinedError for a name that it is not given."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment
