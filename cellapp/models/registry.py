"""The models that come with the program or are offered for download, as declared in ``models/registry.toml``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cellapp.config import REPOSITORY, app_settings
from cellapp.errors import ModelError, UnknownModelError

MODELS = REPOSITORY / "models"
KINDS = ("segmenter", "encoder", "head")
_OUTPUTS = {"compact": "flows", "compact-pair": "flows", "cellpose": "flows", "foreground": "foreground"}
"""What the networks of an adapter give, as `network_output` names it; the others have no network."""
SOURCES = ("built-in", "bundled", "hub", "cellpose.org")


@dataclass(frozen=True)
class ModelEntry:
    """One declared model: what it is for, where its files are and which digests they must have."""

    name: str
    kind: str  # one of KINDS
    adapter: str  # what loads it, see `cellapp.models.load.ADAPTERS`
    source: str  # one of SOURCES
    licence: str
    purpose: str
    trained_on: str
    bytes: int = 0
    repo: str = ""  # owner/name on the hub
    revision: str = ""  # commit on the hub; empty where none could be confirmed, then the first download decides
    files: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256, empty as for `revision`
    input_px: int | None = None  # side an encoder reads; None is the side it was trained on
    dtype: str = "auto"  # "float32" for models too small to gain from less
    demonstration: str = ""  # "trained on synthetic cells" of a head whose calls on real ones mean nothing
    gated: bool = False  # the hub asks for a login and consent
    from_scratch: bool = False  # fine-tuning may begin without its weights
    needs: str = ""  # importable module without which the model cannot run
    needs_install: str = ""  # the command that installs it
    second: str = ""  # model that takes over on slides it is for, see `cellapp.segmentation.compact_pair`
    files_of: str = ""  # model whose files these are, where they are shared
    cite: tuple[str, ...] = ()  # short names of `cellapp.models.citations.REFERENCES`

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.source not in SOURCES:
            raise ModelError(f"models/registry.toml: {self.name!r} has kind {self.kind!r} and source {self.source!r}")

    @property
    def downloaded(self) -> bool:
        """Whether its files come over the network."""
        return self.source in ("hub", "cellpose.org")

    @property
    def origin(self) -> str:
        """Address of the place its files come from; empty where they come with the program."""
        hub = f"{app_settings().hub_url}/{self.repo}"
        return {"hub": hub, "cellpose.org": app_settings().cellpose_url}.get(self.source, "")

    @property
    def folder(self) -> Path:
        """Where the files are, or will be after `cellapp.models.fetch.fetch_model`."""
        if self.downloaded:
            return app_settings().home / "models" / self.name.replace("/", "--")
        return MODELS / (self.files_of or self.name)


@cache
def registry() -> dict[str, ModelEntry]:
    """Return every declared model, by name, in the order of the file."""
    content = tomllib.loads((MODELS / "registry.toml").read_text(encoding="utf-8"))
    return {
        name: ModelEntry(**facts | {"name": name, "cite": tuple(facts.get("cite", ()))})
        for name, facts in content.items()
    }


def entry(name: str, kind: str | None = None) -> ModelEntry:
    """Return one declared model.

    Parameters
    ----------
    name : str
    kind : str, optional
        Which of `KINDS` it must be; any when left out.

    Raises
    ------
    UnknownModelError
        When there is none of that name, or it is of another kind; the message lists those there are.
    """
    models = registry()
    if name not in models:
        known = ", ".join(one for one, model in models.items() if kind in (None, model.kind))
        raise UnknownModelError(f"no {kind or 'model'} {name!r} and no such file or folder; choose one of: {known}")
    require_kind(name, models[name].kind, kind)
    return models[name]


def require_kind(name: str, is_a: str, kind: str | None, also: Iterable[str] = ()) -> None:
    """Refuse a model that is of another kind than the one that is needed.

    Parameters
    ----------
    name : str
        As it was given, for the message.
    is_a : str
        Its kind, of `KINDS`.
    kind : str or None
        The one that is needed; None is any.
    also : iterable of str
        Models to offer beside those of the registry.

    Raises
    ------
    UnknownModelError
        When they differ; the message lists those of the kind.
    """
    if kind not in (None, is_a):
        known = ", ".join([*(one for one, model in registry().items() if model.kind == kind), *also])
        article = "an" if is_a == "encoder" else "a"
        raise UnknownModelError(f"{name!r} is {article} {is_a} and no {kind}; choose one of: {known}")


def is_declared(name: str | None) -> bool:
    """Whether the registry has a model of that name."""
    return name in registry()


def stored_head(identity: str) -> Path:
    """Return the folder of a head that a project keeps, given as "name@version"; it need not be there."""
    return app_settings().home / "heads" / hashlib.sha256(identity.encode()).hexdigest()


STORED_SEGMENTER = "segmenter.json"
"""In the folder of a segmenter that a project keeps: its name."""


def stored_segmenter(identity: str) -> Path:
    """Return the folder of a segmenter that a project keeps, given as "name@version"; it need not be there."""
    return app_settings().home / "segmenters" / hashlib.sha256(identity.encode()).hexdigest()


def model_folder(name: str) -> Path:
    """Return the folder of a model's files: of a declared name, of a head or segmenter of a project, or the path."""
    if is_declared(name):
        return entry(name).folder
    stored = (stored_head(name), stored_segmenter(name))
    return next((folder for folder in stored if folder.is_dir()), Path(name))


def network_output(name: str) -> str | None:
    """Return what the network of a segmenter gives, which tells the thresholds that count.

    Parameters
    ----------
    name : str
        Declared, of a project, or a path.

    Returns
    -------
    str or None
        "flows" to the middles of cells; "foreground", which is divided by watershed; None without a network. Where the
        files of a path do not tell it is "flows".
    """
    if is_declared(name):
        return _OUTPUTS.get(entry(name).adapter)
    try:
        config = json.loads((model_folder(name) / "config.json").read_text(encoding="utf-8"))
        return "foreground" if config["network"]["head"] == "foreground" else "flows"
    except (OSError, ValueError, LookupError, TypeError):
        return "flows"


def is_demonstration(name: str | None) -> bool:
    """Whether the calls of a model, declared or not, are only for show."""
    return is_declared(name) and bool(entry(name).demonstration)


def head_of_run(run: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return what was asked for as the head of an analysed image, and the identity of the one that ran.

    Parameters
    ----------
    run : mapping
        The content of its run.json, of any version; both are None where no head ran.
    """
    return (run.get("settings", {}).get("classify") or {}).get("head"), run.get("head")
