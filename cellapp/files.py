"""Write beside, then rename: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary file in the same folder that becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Its folder is created when absent. The temporary name keeps the suffix, which some writers go by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent) as scratch:
        part = Path(scratch) / path.name
        yield part
        part.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `path`, in place of what was there, when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent) as scratch:
        part, old = Path(scratch) / "new", Path(scratch) / "old"
        part.mkdir()
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)


_MAX_LENGTH = 200
_IMAGE_SUFFIXES = re.compile(r"(\.(ome|tiff?|png|jpe?g|bmp|czi|nd2|lif|zarr))+$", re.IGNORECASE)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)  # device names on Windows


def clean_text(text: str) -> str:
    """Return text as one printable line of at most 200 characters, "unnamed" when nothing is left.

    HTML, quotes and leading ``=+-@`` stay as they are: whoever writes HTML or CSV escapes them there.
    """
    printable = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return " ".join(printable.split())[:_MAX_LENGTH].strip() or "unnamed"


def clean_name(path: str) -> str:
    """Return the last part of a path, of any system, as `clean_text`."""
    return clean_text(re.split(r"[/\\]", path.rstrip("/\\"))[-1])


def safe_stem(name: str) -> str:
    """Return `name` without its image suffix as a folder name for every file system: ASCII letters, digits, ``-_.``."""
    stem = _IMAGE_SUFFIXES.sub("", clean_text(name))
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("._-")[:100].rstrip("._-")
    return f"{safe}_" if _RESERVED.match(safe) else safe or "image"


def unique_stems(names: Iterable[str]) -> tuple[str, ...]:
    """Return one folder name for each of `names`, in order; repeated ones get ``_2``, ``_3``...

    Case is ignored when comparing, because some file systems ignore it.
    """
    taken: set[str] = set()
    return tuple(_free(safe_stem(name), taken) for name in names)


def _free(stem: str, taken: set[str]) -> str:
    candidate, n = stem, 1
    while candidate.lower() in taken:
        n += 1
        candidate = f"{stem}_{n}"
    taken.add(candidate.lower())
    return candidate
