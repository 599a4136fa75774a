"""Files on their way into the store: written beside it, then renamed to their digest.

Bytes arrive in a temporary file and are renamed when complete, so that a crash leaves no half file under a digest.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError, StoreError, disk_sentence
from cellapp.files import move_into_place
from cellapp.images.formats.inside import check_links
from cellapp.images.read import file_digest
from cellapp.store.bin import delete_path, to_bin
from cellapp.store.blobs import digest_path, home_folder, without_home
from cellapp.store.originals import is_whole, remember

_CHUNK = 1 << 20
_ABANDONED_S = 24 * 3600  # a temporary file not written to for so long belongs to no running process


@dataclass(frozen=True)
class StoredFile:
    """A file, or the folder of an OME-Zarr, under its digest."""

    digest: str  # sha256, hexadecimal
    path: Path
    bytes: int
    existed: bool  # it was stored before


@dataclass(frozen=True)
class StagedFile:
    """Bytes on disk that are not stored yet; see `staged`."""

    digest: str
    path: Path
    bytes: int


@contextmanager
def staged(source: Path | Iterable[bytes], budget: BudgetSettings) -> Iterator[StagedFile]:
    """Write bytes to a temporary file; it is deleted after the block unless `keep` was called.

    Parameters
    ----------
    source : Path or iterable of bytes
        A file, a folder (OME-Zarr), or chunks as they arrive.
    budget : BudgetSettings
        `max_file_bytes` is checked while the chunks arrive.

    Raises
    ------
    BudgetError
        More bytes than allowed.
    StoreError
        The disk is full or may not be written to.
    """
    _sweep(folder := home_folder("files", "incoming"))
    path = folder / uuid.uuid4().hex
    try:
        with _room():
            arrived = _copy_tree(source, path, budget) if _is_folder(source) else _write(_chunks(source), path, budget)
        yield arrived
    finally:
        delete_path(path)


def keep(arrived: StagedFile) -> StoredFile:
    """Store a staged file under its digest; where the same content is stored already and whole, that stays.

    Raises
    ------
    StoreError
        When the disk is full or may not be written to.
    """
    with _room():
        return _keep(arrived)


def _keep(arrived: StagedFile) -> StoredFile:
    target = digest_path(arrived.digest)
    existed = target.exists()
    if existed and not is_whole(arrived.digest, target):
        to_bin(target)
        existed = False
    if existed:
        target.touch()  # so that the purge does not delete it before the row of its new image is there
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            move_into_place(arrived.path, target)
        except OSError:  # a folder cannot replace a folder: another process was faster with the same content
            if not target.exists():
                raise
            existed = True
    remember(arrived.digest, target)
    return StoredFile(arrived.digest, target, arrived.bytes, existed)


@contextmanager
def _room() -> Iterator[None]:
    """Turn an error of the disk into a sentence; one of the connection by which bytes come is the sender's."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        raise StoreError(without_home(disk_sentence(error))) from error


def _is_folder(source: Path | Iterable[bytes]) -> bool:
    return isinstance(source, Path) and source.is_dir()


def _chunks(source: Path | Iterable[bytes]) -> Iterator[bytes]:
    if not isinstance(source, Path):
        yield from source
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _write(chunks: Iterable[bytes], path: Path, budget: BudgetSettings) -> StagedFile:
    sha256, n_bytes = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            n_bytes += len(chunk)
            _check(n_bytes, budget)
            sha256.update(chunk)
            file.write(chunk)
    return StagedFile(sha256.hexdigest(), path, n_bytes)


def _copy_tree(source: Path, path: Path, budget: BudgetSettings) -> StagedFile:
    check_links(source, source.name)  # the copy has what links lead to, and would be anybody's file
    n_bytes = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
    _check(n_bytes, budget)
    shutil.copytree(source, path)
    path.touch()  # the copy has the original's time, by which `_sweep` would delete it
    return StagedFile(file_digest(path), path, n_bytes)


def _check(n_bytes: int, budget: BudgetSettings) -> None:
    if n_bytes > budget.max_file_bytes:
        raise BudgetError(
            f"a file may have {budget.max_file_bytes:,} bytes and this one has more; "
            "raise CELLAPP_BUDGET__MAX_FILE_BYTES to let it in"
        )


def _sweep(folder: Path) -> None:
    old = time.time() - _ABANDONED_S
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its process has just stored it
            if path.stat().st_mtime < old:
                delete_path(path)
