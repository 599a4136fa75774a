"""Which bytes the files of a model must have: pinned in the registry, else recorded at the first download.

Where the registry cannot pin a commit and a sha256, the first download decides them: the commit the hub resolves, the
digest the hub declares and the bytes must agree. Both are written to ``models.lock.toml`` under ``CELLAPP_HOME``, and
every later load is held to them (trust on first use).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tomli_w
from filelock import FileLock

from cellapp.config import app_settings
from cellapp.errors import ModelError
from cellapp.files import atomic_write, without_litter
from cellapp.models.registry import ModelEntry, entry, is_declared, model_folder
from cellapp.settings import IMPORTED

_CHUNK = 2**20
_WEIGHT_SUFFIXES = (".safetensors", ".json")  # of the files in a folder that make a model


def sha256(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_sha1(path: Path) -> str:
    """Return the name git gives a file's content, by which the hub identifies its small files."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True)
class LockedModel:
    """Commit and digests of one downloaded model."""

    revision: str
    files: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256


def lock_path() -> Path:
    """Return the path of the lock file; it need not exist."""
    return app_settings().home / "models.lock.toml"


def read_lock() -> dict[str, LockedModel]:
    """Read commit and digests of every downloaded model, by name; nothing when no lock file exists.

    Raises
    ------
    ModelError
        When the file is damaged.
    """
    path = lock_path()
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: LockedModel(facts["revision"], facts["files"]) for name, facts in content.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}); remove it and fetch the models again") from error


def write_lock(name: str, model: LockedModel) -> None:
    """Add or replace one model in the lock file; safe for several processes at once."""
    path = lock_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        models = read_lock() | {name: model}
        with atomic_write(path) as part:
            part.write_text(tomli_w.dumps({name: asdict(models[name]) for name in sorted(models)}), encoding="utf-8")


def expected_digests(model: ModelEntry) -> dict[str, str]:
    """Return file name -> sha256: that of the registry, else that of the first download, else empty.

    Digests recorded at another revision than the registry now names do not count.
    """
    locked = read_lock().get(model.name)
    recorded = locked.files if locked is not None and model.revision in ("", locked.revision) else {}
    return {name: pinned or recorded.get(name, "") for name, pinned in model.files.items()}


def weight_digests(name: str) -> dict[str, str]:
    """Return file name -> sha256 of a model given by name or by path; files of a path are read for it."""
    if name == IMPORTED:
        return {}
    if is_declared(name):
        return expected_digests(entry(name))
    return {file.name: sha256(file) for file in weight_files(model_folder(name))}


def weight_files(path: Path) -> list[Path]:
    """Return the files of the model at a path: the file itself, or those in the folder; none where nothing is."""
    if not path.is_dir():
        return [path] if path.exists() else []
    files = [file for file in without_litter(path.iterdir(), path) if file.suffix in _WEIGHT_SUFFIXES]
    return files + [file for file in [path / "cellpose"] if file.is_file()]  # a segmenter in Cellpose's format


def files_present(model: ModelEntry) -> bool:
    """Whether every file is in place with a digest to check it by; reads no content."""
    digests = expected_digests(model)
    return all(digests.values()) and all((model.folder / name).is_file() for name in digests)


def changed_files(model: ModelEntry) -> list[str]:
    """Read every file of a model that is in place and name those that do not match their digest."""
    return [name for name, digest in expected_digests(model).items() if sha256(model.folder / name) != digest]


def check_files(model: ModelEntry) -> None:
    """Raise ModelError when a file in place does not match its digest; the message names the command that mends it."""
    if changed := changed_files(model):
        mend = f"python -m cellapp models fetch {model.name}" if model.downloaded else "git checkout models"
        files = ", ".join(str(model.folder / name) for name in changed)
        raise ModelError(f"{files}: not the file it should be, its sha256 differs; run: {mend}")
