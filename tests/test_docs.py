"""What README, docs, cards, recipes and docstrings name is there."""

import ast
import re
from pathlib import Path

import pytest

import cellapp
from cellapp.cli import app
from tests.paths import ROOT
from tests.test_layers import MODULES

DOCS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", ".streamlit/config.toml", "models/registry.toml")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").glob("*/card.md")),
    *sorted((ROOT / "models").glob("*/recipe.toml")),
]
WRITTEN_LATER = {".venv/", "labelled/", "my-head/", "heads/", "explanations/", "failures/"}
"""Folders of a user or of a run, which documents name and the repository does not hold."""


def names_defined(path: Path) -> set[str]:
    """Names at the top of a module, and ``Class.member`` of its classes."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        names |= {getattr(target, "name", getattr(target, "id", "")) for target in targets}
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            inner = getattr(member, "name", getattr(getattr(member, "target", None), "id", ""))
            names.add(f"{node.name}.{inner}")
    return names


VERBS = {f"cellapp.{verb}" for verb in cellapp.__all__}
DEFINED = {module: names_defined(path) for module, path in MODULES.items()}


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module of the package or something defined in one."""
    words = dotted.split(".")
    return any(
        ".".join(words[:n]) in MODULES and (n == len(words) or ".".join(words[n:]) in DEFINED[".".join(words[:n])])
        for n in range(len(words), 0, -1)
    )


def dotted_names(text: str) -> set[str]:
    return {name for name in re.findall(r"\bcellapp(?:\.[A-Za-z_]\w*)+", text) if not name.endswith((".db", ".git"))}


def docstrings(path: Path) -> str:
    """All strings of a module that stand by themselves: of the module, of its parts, below constants and fields."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    values = [node.value for node in nodes if isinstance(node, ast.Expr)]
    return "\n".join(v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_what_exists(path):
    text = path.read_text(encoding="utf-8")
    verbs = {
        f"cellapp.{verb}" for verb in re.findall(r'^    "(\w+)": ', (ROOT / "cellapp/__init__.py").read_text(), re.M)
    }
    missing = {name for name in dotted_names(text) - verbs if not is_there(name)}
    paths = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:\.(?:py|toml|md)|/))`", text)) if path.suffix == ".md" else set()
    own = (ROOT, ROOT / "cellapp", path.parent)
    missing |= {name for name in paths - WRITTEN_LATER if not any((folder / name).exists() for folder in own)}
    assert not missing


def anchors(text: str) -> set[str]:
    """Headings as GitHub names them in an address."""
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("path", [path for path in DOCS if path.suffix == ".md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    broken = []
    for file, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append((file, anchor))
    assert not broken


def test_addresses_of_the_api_are_there():
    """Each `/whole/address` of docs/http.md, by its names or by placeholders of its own, is one of the API."""
    from cellapp.api.app import api

    text = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    roots = "images|runs|projects|heads|jobs|models|predict|health"
    named = set(re.findall(rf"(?:`|GET |POST |PUT |/api)(/(?:{roots})(?:/[^\s`?\",)]+)*)", text))
    known = [re.sub(r"\{(\w+)\}", r"[^/]+", address) for address in api.openapi()["paths"]]
    known += [address.removesuffix("[^/]+") + ".+" for address in known if address.endswith("/files/[^/]+")]
    assert len(named) >= 20
    assert not {name for name in named if not any(re.fullmatch(address, name) for address in known)}


def test_docstrings_name_what_exists():
    missing = {
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name in dotted_names(docstrings(path)) - VERBS
        if not is_there(name)
    }
    assert not missing


def test_the_lines_to_add_are_where_the_page_says():
    """Each `NAME` of `file` in docs/architecture.md stands in that file."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pairs = re.findall(r"`(\w+)` of `([\w/.]+\.py)`", text)
    assert len(pairs) >= 4
    for name, file in pairs:
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8")), f"{file} has no {name}"


def test_every_command_is_documented_and_every_documented_command_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"python -m cellapp ([a-z][a-z-]+)", readme))
    known = {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert named == known


def test_commands_are_named_as_they_are_typed():
    """There is no program called cellapp: what a message or a document names as a way out must start."""
    places = [*DOCS, *MODULES.values(), *(ROOT / "cellapp").rglob("*.html"), *(ROOT / "docs").glob("*.md")]
    named = {
        (path.name, text) for path in places for text in re.findall(r"(?:`|<code>)cellapp [a-z]+", path.read_text())
    }
    assert not named
