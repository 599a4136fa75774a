"""Which format a file or a folder is, so that `cellapp.images.probe` and `cellapp.images.read` know who reads it."""

from __future__ import annotations

from pathlib import Path

from cellapp.errors import InputError
from cellapp.images.formats.harmony import find_index
from cellapp.images.formats.ome_set import find_set
from cellapp.images.formats.sniff import FORMATS, HEAD_BYTES, sniff
from cellapp.images.formats.zarr_layouts import find_root


def detect(path: Path, name: str) -> str:
    """Return the format of a file, or of a folder that is one image file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.

    Returns
    -------
    str
        See `cellapp.images.formats.sniff.sniff`; "tiff" also for a folder that holds one OME-TIFF set, "ome-zarr" for a
        Zarr folder, whatever its name, and "harmony" for the folder of a measurement.

    Raises
    ------
    InputError
        When the file is missing, empty, or of no format that can be read.
    """
    if path.is_dir():
        return _of_folder(path, name)
    if not path.is_file():
        raise InputError(f"{name!r} is not there; check the path")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise InputError(f"{name!r} is empty (0 bytes); export or upload it again")
    file_format = sniff(head)
    if file_format is None:
        raise InputError(f"{name!r} is not an image that can be read; accepted are {', '.join(FORMATS)}")
    if file_format != "ome-xml":
        return file_format
    if find_set(path, name) is None:
        raise InputError(f"{name!r} describes an image and does not say which files hold it; choose the image itself")
    return "tiff"


def _of_folder(path: Path, name: str) -> str:
    if find_root(path) is not None:
        return "ome-zarr"
    if find_index(path) is not None:
        return "harmony"
    if find_set(path, name) is not None:
        return "tiff"
    raise InputError(f"{name!r} is a folder but not an OME-Zarr image; choose the files inside it")
