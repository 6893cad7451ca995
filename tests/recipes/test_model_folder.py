"""The folder of a trained model: whole or as it was, never in between."""

from pathlib import Path

import pytest

from cmmd.errors import InputError
from cmmd.files.unfinished_folder import restore
from cmmd.recipes.model_folder import save_model


class Model:
    """Writes its files one after the other; `fails` before the last one."""

    def __init__(self, *names: str, fails: bool = False) -> None:
        self.names = names
        self.fails = fails

    def save_pretrained(self, save_directory: Path) -> None:
        save_directory.mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(self.names):
            if self.fails and place == len(self.names) - 1:
                raise OSError("no space left on device")
            (save_directory / name).write_text(name)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_replaces_the_one_before_whole(tmp_path):
    save_model(Model("a", "b"), tmp_path / "model")
    save_model(Model("b", "c"), tmp_path / "model")
    assert names_in(tmp_path / "model") == ["b", "c"]
    assert names_in(tmp_path) == ["model"]


def test_a_save_that_fails_leaves_the_model_before(tmp_path):
    with pytest.raises(InputError, match="model: found an error while writing"):
        save_model(Model("a", "b", fails=True), tmp_path / "model")
    assert names_in(tmp_path) == []
    save_model(Model("a", "b"), tmp_path / "model")
    with pytest.raises(InputError, match="model: found an error while writing"):
        save_model(Model("c", "d", fails=True), tmp_path / "model")
    assert names_in(tmp_path / "model") == ["a", "b"] and names_in(tmp_path) == ["model"]


def test_a_model_that_was_being_replaced_when_its_process_was_killed_is_brought_back(tmp_path):
    save_model(Model("old"), tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / ".model.replaced")
    restore(tmp_path / "model")
    assert names_in(tmp_path / "model") == ["old"] and names_in(tmp_path) == ["model"]


def test_the_name_has_the_old_model_until_the_new_one_is_written(tmp_path):
    save_model(Model("old"), tmp_path / "model")
    seen = []

    class Watched(Model):
        def save_pretrained(self, save_directory: Path) -> None:
            super().save_pretrained(save_directory)
            seen.append(names_in(tmp_path / "model"))

    save_model(Watched("new"), tmp_path / "model")
    assert seen == [["old"]] and names_in(tmp_path / "model") == ["new"]
