"""Files stored by the digest of their content: the same bytes are on disk once, whatever their names.

How they get there is in `cellapp.store.staging`.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.store.bin import delete_path, to_bin
from cellapp.store.originals import check_original, stamp_path


def home_folder(*parts: str) -> Path:
    """Return a folder under CELLAPP_HOME, made when it is not there; only its owner may look into CELLAPP_HOME."""
    home = app_settings().home
    _close_to_others(home)
    return make_folder(home.joinpath(*parts))


@cache
def _close_to_others(home: Path) -> None:
    """Take the rights of others from CELLAPP_HOME, once per process: images of patients lie below."""
    make_folder(home)
    mode = stat.S_IMODE(home.stat().st_mode)
    with suppress(OSError):  # the folder of another account, or a file system without rights
        home.chmod(mode & ~(stat.S_IRWXG | stat.S_IRWXO))


def without_home(text: str) -> str:
    """Return a message for visitors: where the server keeps its files is nothing they can do something about."""
    return text.replace(str(app_settings().home), "CELLAPP_HOME")


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it; raises StoreError where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        told = without_home(f"the folder {folder} cannot be made ({why})")
        raise StoreError(f"{told}; make room, or point CELLAPP_HOME to a place you may write to") from error
    return folder


def digest_path(digest: str) -> Path:
    """Return the path of the file of a digest, whether it is there or not."""
    return app_settings().home / "files" / digest[:2] / digest


def pyramid_path(digest: str) -> Path:
    """Return the path of the smaller levels of an image, whether they are there or not."""
    return app_settings().home / "pyramids" / digest[:2] / f"{digest}.ome.zarr"


def stored_digests() -> Iterator[str]:
    """Yield the digest of every stored file."""
    for path in (app_settings().home / "files").glob("[0-9a-f][0-9a-f]/[0-9a-f]*"):
        yield path.name


def stored_path(digest: str, name: str, *, check: bool = True) -> Path:
    """Return the path of a stored file.

    Parameters
    ----------
    digest, name : str
    check : bool
        Also that it is what was stored, see `cellapp.store.originals`.

    Raises
    ------
    StoreError
        The file is gone from the disk, or no longer what was stored.
    """
    path = digest_path(digest)
    if not path.exists():
        raise StoreError(f"the file of {name!r} is missing from {without_home(str(path.parent))}; upload it again")
    if check:
        check_original(digest, path, name)
    return path


def discard(digest: str) -> None:
    """Move the file of a digest to the bin, if there is one, and delete what was made of it. No image may need it."""
    to_bin(digest_path(digest))
    delete_path(stamp_path(digest))
    discard_views(digest)


def discard_views(digest: str) -> None:
    """Delete what is made of an image for display, its pyramid and thumbnails; it is made again when needed."""
    delete_path(pyramid_path(digest))
    for path in (app_settings().home / "thumbnails" / digest[:2]).glob(f"{digest}-*"):
        delete_path(path)
