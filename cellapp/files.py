"""Files that are whole or absent, and names for them that every file system takes.

Whatever is written goes to a temporary file on the same disk first and is renamed when it is finished: a reader, and
the next start after a crash, see the old file or the new one, never half of one. Names that users give are cut down to
printable text for show (`clean_text`, `clean_name`) and to plain ASCII for the disk (`safe_stem`, `unique_stems`).
What operating systems and editors leave beside the files of a user is passed over wherever files are listed
(`is_litter`, `without_litter`).
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from cellapp.abandoned import delete_abandoned, held

_MAX_LENGTH = 200
IMAGE_SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".czi", ".nd2", ".lif", ".zarr"})
"""By which a folder is searched for images; the content decides whether a file is one."""
_IMAGE_ENDING = re.compile(rf"(\.ome|{'|'.join(map(re.escape, sorted(IMAGE_SUFFIXES)))})+$", re.IGNORECASE)
# Device names on Windows, with any suffix. pathvalidate has the same list, at five times the cost, and lets stand what
# has to go here: spaces, accents, leading dots.
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
# macOS, Windows, network storage (thumbnails that are pictures themselves), Linux, Python; hidden names need no list.
_LITTER = {"__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
_LITTER |= {"@eadir", "#recycle", "#snapshot", "lost+found", "__pycache__", "ehthumbs_vista.db", "recycler"}
_LITTER |= {"@recycle", "@recently-snapshot", "network trash folder", "temporary items"}
_ZARR_KEYS = {".zattrs", ".zgroup", ".zarray", ".zmetadata"}
_MAX_BYTES = 240  # file systems take names of 255, and a number may be added
_ENDING = re.compile(r"(\.\w{1,5}){0,2}$")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary file that becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Its folder is made when it is not there; a file of this name is replaced.

    Yields
    ------
    Path
        To write to: of the same name, because some writers go by the suffix, in a temporary folder beside `path`.
    """
    with _folder_beside(path) as scratch:
        yield scratch / path.name
        move_into_place(scratch / path.name, path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `path`, in place of what was there, when the block ends without an error.

    What killed processes left beside it is deleted first.
    """
    delete_abandoned(path.parent)
    with _folder_beside(path) as scratch:
        part, old = scratch / "new", scratch / "old"
        part.mkdir()
        yield part
        if path.exists():
            move_into_place(path, old)
        move_into_place(part, path)


def move_into_place(source: Path, target: Path) -> None:
    """Rename a finished file or folder in one step.

    Parameters
    ----------
    source, target : Path
        On the same disk; a file at `target` is replaced.

    Raises
    ------
    OSError
        When `target` is a folder that is not empty.
    """
    source.replace(target)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    with told_as(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent) as scratch, held(Path(scratch)):
            yield Path(scratch)


@contextmanager
def told_as(path: Path, mark: str = ".part") -> Iterator[None]:
    """Have errors of the disk name what a user asked for, not the temporary file that failed in its place.

    Parameters
    ----------
    path : Path
        What the user asked for.
    mark : str
        Part of the paths of the temporary files; errors of other files stay as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or mark not in str(error.filename):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def is_litter(path: PurePath | str) -> bool:
    """Whether a file is one that operating systems or editors leave, or lies in such a folder; content does not count.

    Parameters
    ----------
    path : PurePath or str
        Relative to the folder that the user named, or the name inside a zip, with slashes of any system: a folder above
        may be hidden, and its files are meant all the same.

    Returns
    -------
    bool
        True for every hidden name (``._a.tif``, ``.DS_Store``, ``.ipynb_checkpoints``, ``.Trash-1000``), for
        ``__MACOSX``, ``Thumbs.db``, ``desktop.ini`` and their like in any case. The hidden files that a Zarr consists
        of are none.
    """
    parts = re.split(r"[/\\]", path) if isinstance(path, str) else path.parts
    return any(_is_left_behind(part) for part in parts)


def without_litter(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the paths below a folder that are no litter, sorted.

    Parameters
    ----------
    paths : iterable of Path
        Each in `folder` or below it.
    folder : Path
        What the user named; its own name and place do not count.
    """
    return sorted(path for path in paths if not is_litter(path.relative_to(folder)))


def _is_left_behind(part: str) -> bool:
    hidden = part.startswith(".") and part not in {".", "..", *_ZARR_KEYS}
    return hidden or part.startswith("~$") or part.lower() in _LITTER


def clean_text(text: str) -> str:
    """Return text as one printable line of at most 200 characters, "unnamed" when nothing is left.

    HTML, quotes and leading ``=+-@`` stay as they are: whoever writes HTML or CSV escapes them there.
    """
    return _one_line(text)[:_MAX_LENGTH].strip() or "unnamed"


def clean_name(path: str) -> str:
    """Return the last part of a path, of any system, as `clean_text`; a name too long for a disk keeps its suffix.

    It is never that of the folder itself or of the one above: ``..`` is "unnamed", also with signs that nobody sees.
    """
    name = _one_line(re.split(r"[/\\]", path.rstrip("/\\"))[-1])
    end = _ENDING.search(name).group()
    start = name[: min(len(name), _MAX_LENGTH) - len(end)].encode()[: _MAX_BYTES - len(end.encode())]
    cleaned = clean_text(start.decode(errors="ignore") + end)
    return "unnamed" if cleaned in (".", "..") else cleaned


def _one_line(text: str) -> str:
    printable = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return " ".join(printable.split())


def without_image_suffix(name: str) -> str:
    """Return a name without the suffixes of an image file, all of them: of "slide.ome.tif" it is "slide"."""
    return _IMAGE_ENDING.sub("", name)


def safe_stem(name: str) -> str:
    """Return `name` without its image suffix as a folder name for every file system: ASCII letters, digits, ``-_.``."""
    stem = without_image_suffix(clean_text(name))
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("._-")[:100].rstrip("._-")
    return _RESERVED.sub(r"\1_", safe) or "image"


def unique_stems(names: Iterable[str]) -> tuple[str, ...]:
    """Return one folder name for each of `names`, in order; repeated ones get ``_2``, ``_3``...

    Case is ignored when comparing, because some file systems ignore it.
    """
    return image_stems((name, str(position), "") for position, name in enumerate(names))


def image_stems(images: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return one folder name for each image, in order; images of one file share the start of theirs.

    Parameters
    ----------
    images : iterable of (name, file, suffix)
        What the file is called, what tells it from the others (a digest, a path), and what tells the image from the
        others of its file (``__s01_t003``, or nothing).

    Returns
    -------
    tuple of str
        As `unique_stems` names them, with the suffix at the end: no two are equal.
    """
    of_file: dict[tuple[str, str], str] = {}
    starts: set[str] = set()
    taken: set[str] = set()
    stems = []
    for name, file, suffix in images:
        if (name, file) not in of_file:
            of_file[name, file] = _free(safe_stem(name), starts)
        stems.append(_free(of_file[name, file] + suffix, taken))
    return tuple(stems)


def _free(stem: str, taken: set[str]) -> str:
    candidate, n = stem, 1
    while candidate.lower() in taken:
        n += 1
        candidate = f"{stem}_{n}"
    taken.add(candidate.lower())
    return candidate
