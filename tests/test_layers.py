"""Imports point down only, each heavy library has one place, and no module is left over."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGE = ROOT / "cellapp"

LAYERS = """
errors abandoned
settings
settings_io files text_table
config
types
compute
images
regions
cells
synthetic
rendering
segmentation
encoders
classification
evaluation
explanation
discovery
population
models
exports
imports
editing
labelling
store
auth
pipeline
training
jobs
viewer
api cli ui.components
ui.session
ui.layout
ui.upload ui.segment ui.classify ui.explain ui.screen ui.learn ui.runs ui.models
server __main__
"""
"""Bottom first. A part imports from itself and from the lines above its own, never from its neighbours."""

ONLY_IN = {
    "streamlit": {"ui", "server"},
    "dask": {"compute"},
    "distributed": {"compute"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fastapi": {"api"},
    "typer": {"cli"},
    "matplotlib": {"rendering"},
    "torch": {"compute", "segmentation", "encoders", "classification", "explanation", "training"},
}
ONE_FILE = (
    "cellpose",
    "transformers",
    "timm",
    "pytorch_grad_cam",
    "pylibCZIrw",
    "nd2",
    "liffile",
    "dask",
    "umap",
    "matplotlib",
    "sknetwork",
)

RANK = {part: rank for rank, line in enumerate(LAYERS.split("\n")) for part in line.split()}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; migrations stand outside, each for its own time."""
    files = (path for path in sorted(PACKAGE.rglob("*.py")) if "versions" not in path.parts)
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


MODULES = modules()


def imported(path: Path) -> set[str]:
    """Dotted names a file imports, anywhere in it; of ours the module, of others whatever is named."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (members & MODULES.keys()) or {node.module}
            names |= {node.module} if not members <= MODULES.keys() else set()
    return names


IMPORTED = {name: imported(path) for name, path in MODULES.items()}


def part_of(module: str) -> str:
    """The line of the table a module belongs to: its folder, in ``ui`` the folder below."""
    words = module.split(".")[1:]
    return ".".join(words[:2]) if words[0] == "ui" and len(words) > 1 else words[0]


def test_every_module_has_a_layer():
    parts = {part_of(module) for module in MODULES if "." in module} - {"ui"}
    assert parts <= RANK.keys(), f"say in LAYERS where these belong: {sorted(parts - RANK.keys())}"
    assert RANK.keys() <= parts, f"LAYERS names what is not there: {sorted(RANK.keys() - parts)}"


def test_imports_point_down():
    upwards = [
        f"{module} imports {name}"
        for module, names in IMPORTED.items()
        if "." in module and part_of(module) != "ui"
        for name in names & MODULES.keys()
        if "." in name and part_of(name) != part_of(module) and RANK[part_of(name)] >= RANK[part_of(module)]
    ]
    assert not upwards, "\n".join(upwards)


def test_no_two_modules_import_each_other():
    """Follow imports from each module; one that leads back to itself is a circle."""
    for start in MODULES:
        seen, waiting = set(), [start]
        while waiting:
            for name in IMPORTED[waiting.pop()] & MODULES.keys() - seen:
                assert name != start, f"{start} is part of a circle of imports"
                seen.add(name)
                waiting.append(name)


def test_libraries_stay_in_their_layer():
    astray = [
        f"{module} imports {name}"
        for module, names in IMPORTED.items()
        if "." in module
        for name in names
        if module.split(".")[1] not in ONLY_IN.get(name.split(".")[0], {module.split(".")[1]})
    ]
    assert not astray, "\n".join(astray)


@pytest.mark.parametrize("library", ONE_FILE)
def test_adapters_are_one_file_each(library):
    users = [module for module, names in IMPORTED.items() if any(name.split(".")[0] == library for name in names)]
    assert len(users) == 1, f"{library} is imported by {users}"


def test_every_module_is_used():
    """By another module, a page, the entrance, or the recipe of a model that ships."""
    shells = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]
    used = set().union(*IMPORTED.values(), *(imported(path) for path in shells))
    recipes = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("models/*/recipe.toml"))
    left_over = {
        module
        for module, path in MODULES.items()
        if path.name not in ("__init__.py", "__main__.py", "env.py") and module not in used and module not in recipes
    }
    assert not left_over


def test_no_script_sits_directly_in_pages():
    """Streamlit would serve it past app.py and its gate."""
    assert not list((ROOT / "pages").glob("*.py"))


HELP = """
import contextlib, io
from cellapp.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(["--help"])
"""


@pytest.mark.parametrize("contact", ["import cellapp", HELP], ids=["import", "help"])
def test_first_contact_loads_no_heavy_library(contact):
    watched = ("torch", "cellpose", "transformers", "streamlit", "sqlalchemy", "skimage")
    probe = f"{contact}\nimport sys\nprint([name for name in {watched!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
