"""A random number only this installation knows, for signing what it hands out."""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from cellapp.store.blobs import home_folder

_BYTES = 32


def secret() -> bytes:
    """Return the secret of this CELLAPP_HOME, made at the first call in a file only its owner may read."""
    return _secret(home_folder() / "secret.key")


@lru_cache(maxsize=4)
def _secret(path: Path) -> bytes:
    with FileLock(path.with_suffix(".lock")):  # two processes that start together must not sign differently
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
        return path.read_bytes()
