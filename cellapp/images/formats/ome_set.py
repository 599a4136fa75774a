"""OME-TIFF sets: which files one image is spread over, told by each of them or by a companion file.

See https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html, "Distributed OME-TIFF datasets".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.images.formats.inside import inside
from cellapp.images.formats.ome_xml import MOST_CHARACTERS, Ome, OmeBlock, OmeImage, parse_ome
from cellapp.images.formats.sniff import HEAD_BYTES, decoding, sniff
from cellapp.images.formats.tiff_file import TiffAlone


@dataclass(frozen=True)
class OmeSet:
    """An OME-XML text whose planes are in files that it names."""

    images: tuple[OmeImage, ...]
    files: Mapping[str, Path]  # by the name that the text has for them; all are there
    companion: Path | None = None  # file of nothing but the text

    @property
    def members(self) -> tuple[Path, ...]:
        """Every file of the set, the one with the first plane first."""
        extra = () if self.companion is None else (self.companion,)
        return (*dict.fromkeys(self.files.values()), *extra)


def find_set(path: Path, name: str) -> OmeSet | None:
    """Look for the set that a file belongs to, or that a folder holds.

    Parameters
    ----------
    path : Path
        A TIFF, a companion file, or a folder.
    name : str
        Name for messages.

    Returns
    -------
    OmeSet or None
        None when the file has all of its image, or does not say.

    Raises
    ------
    InputError
        When files of the set are missing, which are named, or lie outside the folder, or the metadata are damaged.
    """
    if path.is_dir():
        return _in_folder(path, name)
    with decoding(name):
        head = _head(path)
        ome, source, companion = head.ome(name), path, None if head.n_pages else path
        if ome.metadata_file:
            source = companion = inside(path.parent, ome.metadata_file, name)
            if not companion.is_file():
                return None  # the file itself is a whole plane; `missing_companion` tells
            ome = _head(companion).ome(companion.name)
        files = _files(ome, source, source is not companion, name)
    alone = set(files.values()) <= {path} and all(_is_plain(block, ome, path) for block in _blocks(ome))
    return OmeSet(ome.images, files, companion) if files and not alone else None


def missing_companion(path: Path, name: str) -> str | None:
    """Return the name of the companion file that describes a TIFF, when it is not beside it."""
    stated = _head(path).ome(name).metadata_file
    return stated if stated and not inside(path.parent, stated, name).is_file() else None


def _in_folder(folder: Path, name: str) -> OmeSet | None:
    """Return the set that all images of a folder belong to."""
    files = without_litter((path for path in folder.iterdir() if path.is_file()), folder)
    images = [path for path in files if _kind(path) is not None]
    first = sorted(images, key=lambda path: _kind(path) != "ome-xml")[:1]  # a companion file has the text proper
    found = find_set(first[0], name) if first and _kind(first[0]) in ("ome-xml", "tiff") else None
    return found if found and set(images) <= set(found.members) else None


def _files(ome: Ome, source: Path, has_pages: bool, name: str) -> dict[str, Path]:
    """Return the file of each name in a text that `source` has, which may have pages of its own."""
    blocks = list(_blocks(ome))
    names = dict.fromkeys(block.file_name for block in blocks)
    own = {block.file_name for block in blocks if has_pages and _is_own(block, ome, source)}
    files = {
        each: source if each in own else inside(source.parent, each, name) for each in names if each or each in own
    }
    missing = [each for each, path in files.items() if not path.is_file()]
    if missing and len(files) == 1 and has_pages:
        return dict.fromkeys(files, source)  # a file of its own that was renamed
    if missing:
        listed = ", ".join(map(repr, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise InputError(
            f"{name!r} belongs to an image in {len(files)} files, of which these are not beside it: {listed}; "
            "put all of them into one folder or zip"
        )
    return files


def _blocks(ome: Ome) -> Iterator[OmeBlock]:
    return (block for image in ome.images for block in image.blocks)


def _is_own(block: OmeBlock, ome: Ome, path: Path) -> bool:
    """Whether a block is in the file that holds the text, which may have been renamed since."""
    same_name = block.file_name.lower() in ("", path.name.lower())
    return same_name or (bool(ome.uuid) and block.uuid == ome.uuid)


def _is_plain(block: OmeBlock, ome: Ome, path: Path) -> bool:
    """Whether tifffile sees, too, that a block is in the file that holds the text."""
    return _is_own(block, ome, path) and (not ome.uuid or block.uuid in ("", ome.uuid))


def _kind(path: Path) -> str | None:
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES))


@dataclass(frozen=True)
class _Head:
    """What a file says of the image it belongs to."""

    text: str = ""  # OME-XML
    n_pages: int = 0  # of a TIFF; 0 for a companion file

    def ome(self, name: str) -> Ome:
        return parse_ome(self.text, name) if self.text else Ome()


def _head(path: Path) -> _Head:
    kind = _kind(path)
    if kind == "tiff":
        with TiffAlone(path) as tif:
            if not tif.pages or not tif.is_ome or not tif.ome_metadata:
                return _Head(n_pages=1)
            return _Head(tif.ome_metadata, len(tif.pages))
    if kind != "ome-xml":
        return _Head(n_pages=1)
    with path.open("rb") as file:
        return _Head(file.read(4 * MOST_CHARACTERS).decode("utf-8", errors="replace"))
