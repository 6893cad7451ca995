"""The package's structure: imports go down the layers, in no circle; light modules stay light; no file is a drawer."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cmmd

PACKAGE = Path(cmmd.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up; a layer may import from itself and from those above it in this list, never from one below.
LAYERS = (
    {"errors"},
    {"runtime", "documents", "pretrained"},
    {"files", "engines"},
    {"weights"},
    {"clips"},
    {"latents"},
    {"models"},
    {"diffusion"},
    {"losses"},
    {"measures"},
    {"data"},
    {"training"},
    {"pipelines", "pipeline"},
    {"evaluation"},
    {"generation"},
    {"doctor", "study", "serve"},
    {"recipes"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
LIGHT = (
    *("__init__.py", "__main__.py", "cli.py", "errors.py", "documents/markdown.py"),
    *(
        "files/configuration.py",
        "files/foreign_files.py",
        "files/inline_groups.py",
        "files/plain_json.py",
        "files/plain_tables.py",
    ),
    *("files/plain_yaml.py", "pipelines/loading.py", "weights/model_name.py"),
    *("runtime/processors.py", "runtime/progress.py", "runtime/threads.py", "runtime/worker_processes.py"),
    *("diffusion/direction.py", "diffusion/sampling_config.py"),
    *("engines/placement.py", "engines/units.py", "engines/ray_connection.py", "engines/ray_workers.py"),
    *(str(file.relative_to(PACKAGE)) for file in FILES if file.parent.name == "commands"),
)
EVALUATION = ("record", "backbones", "measuring", "samples", "report")
"""Folders of `evaluation/`, from the bottom up. The files beside them may import and be imported by any of them."""
DRAWERS = {"util", "utils", "misc", "common", "helper", "helpers", "base", "manager", "tools"}


def imports(source: str, package: str) -> Iterator[tuple[str, bool]]:
    """Absolute dotted names that a module in `package` imports, and whether at its top, when it is loaded."""
    tree = ast.parse(source)
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", id(node) in top) for alias in node.names)


def upward_imports(source: str, package: str, layer: str) -> list[str]:
    """Names of the package that a module of `layer` imports from a higher layer, or from the package's front door."""
    ours = [name for name, _ in imports(source, package) if name.split(".")[0] == "cmmd" and name != "cmmd.__version__"]
    return [name for name in ours if RANK.get(name.split(".")[1] if "." in name else "", len(LAYERS)) > RANK[layer]]


def package_of(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).parent.parts)


def layer_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("file", [file for file in FILES if file.parent != PACKAGE or file.stem != "__init__"], ids=str)
def test_imports_go_down_the_layers(file: Path) -> None:
    assert layer_of(file) in RANK, f"{file.name} belongs to no layer: add it to LAYERS"
    assert upward_imports(file.read_text(), package_of(file), layer_of(file)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from cmmd.pipeline import CMMDPipeline",
        "import cmmd.training.loop",
        "def f():\n    from cmmd import recipes",
        "from cmmd import CMMDPipeline",
        "import cmmd",
        "from ..training import loop",
        "from .. import cli",
    ],
)
def test_an_upward_import_is_seen(line: str) -> None:
    assert upward_imports(line, "cmmd.models", "models")


@pytest.mark.parametrize(
    "line",
    ["from cmmd.clips.geometry import Geometry", "from .blocks import Block", "from cmmd.errors import InputError"],
)
def test_a_downward_import_is_fine(line: str) -> None:
    assert upward_imports(line, "cmmd.models", "models") == []


@pytest.mark.parametrize("name", EVALUATION)
def test_imports_between_folders_of_the_evaluation_go_down(name: str) -> None:
    above = tuple(f"cmmd.evaluation.{folder}." for folder in EVALUATION[EVALUATION.index(name) + 1 :])
    files = sorted((PACKAGE / "evaluation" / name).glob("*.py"))
    found = [imported for file in files for imported, _ in imports(file.read_text(), package_of(file))]
    assert [imported for imported in found if imported.startswith(above)] == []


def test_the_top_of_the_package_holds_what_users_import() -> None:
    assert {file.stem for file in PACKAGE.glob("*.py")} == {"__init__", "__main__", "cli", "errors", "pipeline"}
    folders = {path.parent.name for path in PACKAGE.glob("evaluation/*/*.py")}
    assert folders == set(EVALUATION)


def test_no_files_import_each_other_in_a_circle() -> None:
    modules = {".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file for file in FILES}
    graph = {
        module: {
            target
            for name, _ in imports(file.read_text(), package_of(file))
            for target in (name, name.rpartition(".")[0])
            if target in modules
        }
        for module, file in modules.items()
    }
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()  # raises CycleError, naming the circle


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_load_without_torch(name: str) -> None:
    loaded = {module.split(".")[0] for module, at_top in imports((PACKAGE / name).read_text(), "cmmd") if at_top}
    assert not loaded & {"torch", "diffusers", "numpy", "av", "matplotlib", "einops", "jaxtyping", "ray"}


def test_no_file_is_a_drawer() -> None:
    assert [file for file in FILES if file.stem in DRAWERS or file.parent.name in DRAWERS] == []


def test_every_file_says_what_it_is() -> None:
    assert [file for file in FILES if not ast.get_docstring(ast.parse(file.read_text()))] == []


@pytest.mark.parametrize("name", cmmd.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(cmmd, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(cmmd, "nothing")  # noqa: B009 - a type checker would refuse the plain form


def architecture() -> str:
    return (PACKAGE.parents[1] / "ARCHITECTURE.md").read_text()


def test_files_and_folders_that_the_map_names_are_there() -> None:
    root = PACKAGE.parents[1]
    present = [f"/{path.relative_to(root).as_posix()}" for path in (*root.glob("*/*"), *PACKAGE.rglob("*"))]
    named = re.findall(r"`([\w/]+\.py|[a-z_/]+/)`", architecture())
    assert len(set(named)) > 60
    assert [name for name in named if not any(path.endswith(f"/{name.rstrip('/')}") for path in present)] == []


def test_the_map_lists_every_folder_of_the_package() -> None:
    rows = re.findall(r"^\| (`.+?) \|", architecture(), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([a-z_/]+)/`", row)}
    folders = {file.parent.relative_to(PACKAGE).as_posix() for file in FILES} - {"."}
    assert folders - listed == {"data/world"}


def test_the_way_from_a_clip_to_its_sound_has_at_most_six_files() -> None:
    page = architecture()
    table = page[page.index("## From a clip to its sound") : page.index("Training meets")]
    rows = re.findall(r"^\| `(src/cmmd/[\w/]+\.py)` \| [^|]+[.] \|$", table, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\| `", table, re.MULTILINE)) <= 6
    assert all((PACKAGE.parents[1] / row).is_file() for row in rows) and len(set(rows)) == len(rows) > 3


def test_the_reading_list_is_as_long_as_the_map_says() -> None:
    page = architecture()
    promised = re.search(r"in this order \(about ([0-9,]+) lines\)", page)
    listed = page[page.index("**Read these files first**") : page.index("`docs/paper_map.md`")]
    names = re.findall(r"`([a-z_/]+\.py)`", listed)
    files = [next(file for file in FILES if str(file).endswith(f"/{name}")) for name in names]
    assert promised is not None and len(files) > 8
    lines = sum(len(file.read_text().splitlines()) for file in files)
    assert abs(lines - int(promised.group(1).replace(",", ""))) < 0.1 * lines
