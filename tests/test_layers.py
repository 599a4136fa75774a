"""Imports point down only, and each heavy library has one door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGE = ROOT / "cellapp"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    {"errors", "types", "settings", "palette", "names", "atomic", "recipe_files", "validation", "__init__"},
    {"torch_guard", "devices", "synthetic", "images", "segmentation", "cells", "tiling"},
    {"encoders", "classification", "explanation", "projection"},
    {"weights", "loading"},
    {
        "kit",
        "work",
        "spread",
        "judging",
        "finding",
        "embedding",
        "pooled",
        "seen",
        "regions",
        "pipeline",
        "preview",
        "provenance",
        "crops_folder",
        "heads",
        "recipes",
        "training",
        "pretraining",
    },
    {"exports", "engine", "store"},
    {"jobs", "process", "presence", "one_image", "elsewhere", "runner", "corrections", "overview", "reasons"},
    {"handlers", "worker", "doctor", "viewing"},
    {"cli", "api", "api_tiles", "ui"},
    {"server", "__main__"},
)
"""Bottom first; a part may import from its own layer and those below."""

ONLY_IN = {
    "streamlit": {"ui", "server"},
    "dask": {"engine"},
    "distributed": {"engine"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fastapi": {"api", "api_tiles"},
    "typer": {"cli"},
    "torch": {
        "torch_guard",
        "devices",
        "segmentation",
        "encoders",
        "classification",
        "explanation",
        "loading",
        "training",
        "pretraining",
    },
}
ONE_FILE = ("cellpose", "transformers", "timm", "pytorch_grad_cam")


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(part: str) -> int:
    found = [rank for rank, parts in enumerate(LAYERS) if part in parts]
    assert found, f"cellapp/{part} has no layer: say in this test where it belongs"
    return found[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = {p.removesuffix(".py") for p in (child.name for child in PACKAGE.iterdir())}
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "cellapp" and len(parts) > 1 and parts[1] in own:
            assert layer(parts[1]) <= layer(part_of(path)), f"{path} imports {name}, which lies above it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_layer(path):
    for name in imported(path):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or part_of(path) in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("library", ONE_FILE)
def test_adapters_are_one_file_each(library):
    users = [path for path in MODULES if any(name.split(".")[0] == library for name in imported(path))]
    assert len(users) <= 1, f"{library} is imported by {users}"


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
