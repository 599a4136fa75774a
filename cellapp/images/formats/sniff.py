"""Format of a file by its first bytes, never by its name, and one error for everything that cannot be decoded."""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from cellapp.errors import CellappError, InputError
from cellapp.images.formats.faults import fault

FORMATS = ("TIFF", "OME-TIFF", "PNG", "JPEG", "BMP", "CZI", "ND2", "LIF", "OME-Zarr", "Operetta/Harmony folders")
"""Names for the user, in the order a page or message lists them."""

HEAD_BYTES = 4096
"""Enough to pass the comments that some programs put in front of OME-XML."""
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
_XML = {rb"<(\w+:)?OME[\s>]": "ome-xml", rb"<EvaluationInputData[\s>]": "harmony"}


def sniff(head: bytes) -> str | None:
    """Recognise a file format by its magic bytes.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes of the file; fewer when it is shorter.

    Returns
    -------
    str or None
        "tiff", "png", "jpeg", "bmp", "czi", "nd2" or "lif"; "ome-xml" for the companion file of a set, "harmony" for
        the index of an Operetta or Opera measurement; None when it is none of them. An OME-TIFF is a "tiff" here: only
        its metadata tell the two apart.
    """
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    # Two letters and four bytes are too little evidence: both formats are checked by a second mark.
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_BYTES:
        return "bmp"
    if head[:4] == b"p\0\0\0" and head[8:9] == b"*":
        return "lif"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return next((kind for mark, kind in _XML.items() if re.search(mark, head)), None)
    return None


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn an error of the disk on which an input is into one sentence for the user.

    Parameters
    ----------
    name : str
        Name of the file or folder for messages.

    Raises
    ------
    InputError
        When the system refuses to open or read it: no permission, a folder in place of a file, a name that is too
        long, a disk that fails. A disk that is full is no fault of an input, and the error passes.
    """
    try:
        yield
    except OSError as error:
        # Format libraries set no number, and to seek a place that cannot be is EINVAL: those are of the content.
        if error.errno in (None, errno.EINVAL, errno.ENOSPC):
            raise
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{name!r} cannot be read ({why}); see that it is there and that you may read it") from error


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
        In place of whatever a format library raises on a damaged file, and when memory runs out or the file cannot be
        read from its disk.
    """
    try:
        with reading(name):
            yield
    except CellappError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{name!r} needs more memory than there is, or is damaged; export a smaller region or use a larger machine"
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:  # of what is written while the file is read
            raise
        raise _damaged(name, error) from error
    # Format libraries raise nearly everything on damaged input (struct.error, KeyError, ZeroDivisionError, their own).
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> InputError:
    why = fault(error)
    return InputError(
        f"{name!r} is damaged or uses an unsupported variant of its format ({why}); copy or export it again"
    )
