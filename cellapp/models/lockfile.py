"""What was downloaded, kept in ``models.lock.toml`` under ``CELLAPP_HOME``.

Where the registry cannot pin a commit and a sha256, the first download decides them: the commit the hub resolves, the
digest the hub declares and the bytes must agree, both are written here, and every later load is held to them (trust on
first use).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tomli_w
from huggingface_hub.utils import WeakFileLock

from cellapp.config import app_settings
from cellapp.errors import ModelError
from cellapp.files import atomic_write


@dataclass(frozen=True)
class LockedModel:
    """Commit and digests of one downloaded model."""

    revision: str
    files: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256


def lock_path() -> Path:
    """Return the path of the lock file; it need not exist."""
    return app_settings().home / "models.lock.toml"


def read_lock() -> dict[str, LockedModel]:
    """Read what was downloaded, by model name; nothing when no lock file exists.

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


def record(name: str, model: LockedModel) -> None:
    """Add or replace one model; safe for several processes at once."""
    path = lock_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(f"{path}.lock"):
        models = read_lock() | {name: model}
        with atomic_write(path) as part:
            part.write_text(tomli_w.dumps({name: asdict(models[name]) for name in sorted(models)}), encoding="utf-8")
