"""Digests of weight files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cellapp.errors import ModelError
from cellapp.models.lockfile import read_lock
from cellapp.models.registry import ModelEntry

_CHUNK = 2**20


def sha256(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_sha1(path: Path) -> str:
    """Return git's name for a file's content, by which the hub knows its small files."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def expected_digests(entry: ModelEntry) -> dict[str, str]:
    """Return file name -> sha256: the registry's word, else that of the first download, else empty.

    What was downloaded at another revision than the registry now names is no longer believed.
    """
    locked = read_lock().get(entry.name)
    known = locked.files if locked is not None and entry.revision in ("", locked.revision) else {}
    return {name: pinned or known.get(name, "") for name, pinned in entry.files.items()}


def is_here(entry: ModelEntry) -> bool:
    """Whether every file is in place with a digest to check it by; reads no content."""
    digests = expected_digests(entry)
    return all(digests.values()) and all((entry.folder / name).is_file() for name in digests)


def find_changed(entry: ModelEntry) -> list[str]:
    """Read every file of a model that is here and name those that do not match their digest."""
    return [name for name, digest in expected_digests(entry).items() if sha256(entry.folder / name) != digest]


def check_files(entry: ModelEntry) -> None:
    """Raise ModelError when a file of a model that is here is not the right one; it names the command that mends it."""
    if changed := find_changed(entry):
        mend = f"python -m cellapp models fetch {entry.name}" if entry.source == "hub" else "git checkout models"
        files = ", ".join(str(entry.folder / name) for name in changed)
        raise ModelError(f"{files}: not the file it should be, its sha256 differs; run: {mend}")
