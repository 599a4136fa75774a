"""Format of a file by its first bytes, never by its name, and one error for everything that cannot be decoded."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cellapp.errors import CellappError, InputError

FORMATS = ("TIFF", "OME-TIFF", "PNG", "JPEG", "BMP", "CZI", "ND2", "LIF", "OME-Zarr")
"""Names for the user, in the order a page or message lists them."""

HEAD_BYTES = 32
_MAGIC = {
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"ZISRAWFILE": "czi",
    b"\xda\xce\xbe\x0a": "nd2",
}
_BMP_HEADER_BYTES = {12, 16, 40, 52, 56, 64, 108, 124}
_ZARR_MARKERS = ("zarr.json", ".zattrs", ".zgroup")


def sniff(head: bytes) -> str | None:
    """Recognise a file format by its magic bytes.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes of the file; fewer when it is shorter.

    Returns
    -------
    str or None
        "tiff", "png", "jpeg", "bmp", "czi", "nd2" or "lif"; None when it is none of them. An OME-TIFF is a "tiff" here:
        only its metadata tell the two apart.
    """
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    # Two letters and four bytes are too little evidence: both formats are checked by a second mark.
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_BYTES:
        return "bmp"
    if head[:4] == b"p\0\0\0" and head[8:9] == b"*":
        return "lif"
    return None


def detect(path: Path, name: str) -> str:
    """Return the format of a file or of an OME-Zarr folder.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.

    Returns
    -------
    str
        See `sniff`, and "ome-zarr" for a folder that is one.

    Raises
    ------
    InputError
        When the file is missing, empty, or of no format that can be read.
    """
    if path.is_dir():
        if any((path / marker).is_file() for marker in _ZARR_MARKERS):
            return "ome-zarr"
        raise InputError(f"{name!r} is a folder but not an OME-Zarr image; choose the files inside it")
    if not path.is_file():
        raise InputError(f"{name!r} is not there; check the path")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise InputError(f"{name!r} is empty (0 bytes); export or upload it again")
    file_format = sniff(head)
    if file_format is None:
        raise InputError(f"{name!r} is not an image that can be read; accepted are {', '.join(FORMATS)}")
    return file_format


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn any error of a format library into one sentence for the user.

    Parameters
    ----------
    name : str
        Name of the file for messages.

    Raises
    ------
    InputError
        In place of whatever a format library raises on a damaged file, and when memory runs out.
    """
    try:
        yield
    except CellappError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{name!r} needs more memory than there is, or is damaged; export a smaller region or use a larger machine"
        ) from error
    except OSError as error:
        # An error of the disk, not of the file: libraries set no number, and to seek a place that cannot be is EINVAL.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(name, error) from error
    # Format libraries raise nearly everything on damaged input (struct.error, KeyError, ZeroDivisionError, their own).
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> InputError:
    message = " ".join(str(error).split())[:160] or type(error).__name__
    return InputError(f"{name!r} is damaged or uses an unsupported variant of its format ({message}); export it again")
