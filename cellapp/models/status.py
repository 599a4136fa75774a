"""Which models can be used now, without loading one, and what their cards say."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import ModelError
from cellapp.models.checksums import check_files, files_present
from cellapp.models.registry import ModelEntry, entry

READY = ("present", "bundled", "cached")
_HEAD = "head.json"  # of cellapp.classification.head_io
_OF_A_PROJECT = re.compile(r"[0-9a-f]{64}")  # folder of `cellapp.models.registry.stored_head`
_SMALL_FILES = ("config.json", "preprocessor_config.json")


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model can be loaded now: a state and the sentence for the user that goes with it."""

    state: str  # "present", "bundled", "cached", "missing", "gated", "incompatible"
    words: str  # what the state means and, where the model is not here, the command that brings it
    bytes: int  # of all its files
    folder: Path | None  # None where it has no files

    @property
    def present(self) -> bool:
        """Whether the model can be loaded without a download."""
        return self.state in READY


def status(name: str) -> ModelStatus:
    """Find out whether a declared model can be loaded; only names of files are looked at, no content is read.

    Parameters
    ----------
    name : str
        Of the registry.

    Raises
    ------
    ModelError
        When no model has that name.
    """
    model = entry(name)
    state, sentence = _state(model)
    return ModelStatus(state, sentence, model.bytes, model.folder if model.files else None)


def require_ready(model: ModelEntry) -> None:
    """Raise ModelError unless every file of a model is here and matches its digest."""
    state, sentence = _state(model)
    if state not in READY:
        raise ModelError(f"{model.name}: {sentence}")
    check_files(model)


def own_heads() -> list[str]:
    """Return the folders of the heads people put below ``CELLAPP_HOME/heads`` themselves, sorted by name."""
    folders = (path.parent for path in (app_settings().home / "heads").glob(f"*/{_HEAD}"))
    return sorted(str(folder) for folder in folders if not _OF_A_PROJECT.fullmatch(folder.name))


def _state(model: ModelEntry) -> tuple[str, str]:
    """Return the state of a model and the sentence that goes with it."""
    command = f"python -m cellapp models fetch {model.name}"
    if model.needs and importlib.util.find_spec(model.needs) is None:
        return "incompatible", f"needs the package {model.needs}: {model.needs_install}"
    if model.source == "built-in":
        return "present", "part of the program, no files"
    if files_present(model):
        return ("bundled", "comes with the program") if model.source == "bundled" else ("cached", "downloaded")
    if model.source == "bundled":
        return "missing", f"should lie in {model.folder}; run: git checkout models"
    if model.gated:
        return "gated", f"accept the terms at {model.origin}, set HF_TOKEN, then run: {command}"
    return "missing", f"not downloaded; run: {command}"


def card(name: str) -> str:
    """Return the card of a declared model as Markdown: what it is for, what it was trained on, how it is verified.

    Raises
    ------
    ModelError
        When no model has that name.
    """
    model = entry(name)
    written = model.folder / "card.md"
    if model.source == "bundled" and not model.files_of and written.is_file():
        return written.read_text(encoding="utf-8")
    lines = [
        f"# {model.name}",
        "",
        model.purpose,
        "",
        f"- Trained on: {model.trained_on}",
        f"- Licence: {model.licence}",
    ]
    if model.files_of:
        lines += [f"- Files: those of {model.files_of}, whose card has the figures"]
    if model.downloaded:
        lines += [f"- From: {model.origin}", f"- Known by: {_verified_by(model)}"]
    return "\n".join(lines) + "\n"


def _verified_by(model: ModelEntry) -> str:
    if all(model.files.get(name) for name in model.files if name not in _SMALL_FILES):
        commit = f"commit {model.revision} and " if model.revision else ""
        return f"{commit}sha256 of the weights, pinned in models/registry.toml"
    if model.source != "hub":
        return (
            "the sha256 given to `models fetch --sha256`, else trust on first use: that of the first download; it is "
            "written to models.lock.toml and every later load is held to it"
        )
    pinned = f"commit {model.revision}, pinned; " if model.revision else ""
    return (
        f"{pinned}trust on first use: the first download must match the digest the hub declares, is written to "
        "models.lock.toml and every later load is held to it"
    )
