"""Open an image file as a `Slide`: lazy, in its own dtype, at each pyramid level."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellapp.config import BudgetSettings
from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.images.formats.readers import READERS
from cellapp.images.formats.sniff import reading
from cellapp.images.known_digests import known_digest, note_digest
from cellapp.images.probe import admit
from cellapp.images.set_members import set_members
from cellapp.types.image import FIRST_IMAGE, ImageInfo, Selection, Slide


def open_slide(
    path: str | Path,
    *,
    selection: Selection = FIRST_IMAGE,
    name: str | None = None,
    digest: str | None = None,
    budget: BudgetSettings | None = None,
) -> Slide:
    """Open an image of a file without decoding it.

    Parameters
    ----------
    path : str or Path
        A file, or a folder that is one image file.
    selection : Selection
        Which of its images, and the rule for depth; the first when left out.
    name : str, optional
        Name for messages; the file's name when left out.
    digest : str, optional
        That of the file, `image_digest`, where the caller has it; computed when left out.
    budget : BudgetSettings, optional
        Limits checked on the header; those of the environment when left out.

    Returns
    -------
    Slide
        TIFF and OME-Zarr decode the tiles that are asked for; PNG, JPEG and BMP are decoded whole on first access and
        kept.

    Raises
    ------
    BudgetError
        When the image is larger than the limits.
    InputError
        When it cannot be read or holds no such image; see `cellapp.images.probe.admit`. Damage that shows only on
        decoding is raised by ``Slide.region``.
    """
    path = Path(path)
    with reading(name or path.name):
        info = admit(path, name, budget, selection)
        of_file = digest or image_digest(path)
        chosen = selected_digest(of_file, info.selection)
        levels = READERS[info.format].open_levels(path, info)
        return Slide(info=info, digest=chosen, levels=levels, file_digest=of_file)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Whether a part of the full level can be decoded without decoding all of it.

    Parameters
    ----------
    path : Path
    info : ImageInfo
        Of `cellapp.images.probe.probe`.
    """
    return READERS[info.format].reads_regions(Path(path), info)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, read in blocks.

    Parameters
    ----------
    path : Path
        A file; of a folder, the relative names and contents of its files count, in sorted order, but not what
        operating systems leave in it: a look into the folder makes no other image of it.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    path = Path(path)
    if path.is_dir():
        return _digest_of_files(path, without_litter((p for p in path.rglob("*") if p.is_file()), path))
    return _sha256(path)


def image_digest(path: Path) -> str:
    """Return the digest of all that is one image file.

    Parameters
    ----------
    path : Path
        A file or folder.

    Returns
    -------
    str
        `file_digest`; of a file that belongs to a set, that of a folder of nothing but the set's files, so that each
        member gives the same.
    """
    members = set_members(path)
    if len(members) > 1:
        return _digest_of_files(members[0].parent, members)
    digest = known_digest(path)
    if digest is None:
        digest = file_digest(path)
        note_digest(path, digest)
    return digest


def _digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for name in sorted(file.relative_to(folder).as_posix() for file in files):
        total.update(f"{name}\0{_sha256(folder / name)}\0".encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def selected_digest(digest: str, selection: Selection) -> str:
    """Return what names one image of a file, by which pyramids and results are kept.

    Parameters
    ----------
    digest : str
        Of the file, from `file_digest`.
    selection : Selection
        That of the image's `ImageInfo`: there the rule for depth is "max" where there is one plane.

    Returns
    -------
    str
        `digest` itself for the first image with the rule "max", which is what a file of one image holds; else 64 other
        hexadecimal digits.
    """
    if selection == FIRST_IMAGE:
        return digest
    key = f"{digest}|{selection.scene}|{selection.time}|{selection.depth}"
    return hashlib.sha256(key.encode()).hexdigest()


def check_pixels(pixels: np.ndarray, name: str) -> np.ndarray:
    """Check that pixels are finite numbers.

    Parameters
    ----------
    pixels : ndarray
        Decoded pixels, any shape and dtype.
    name : str
        Name of the image for messages.

    Returns
    -------
    ndarray
        `pixels`, unchanged.

    Raises
    ------
    InputError
        With the counts of NaN and infinite pixels, when there are any.
    """
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        n_nan, n_infinite = int(np.isnan(pixels).sum()), int(np.isinf(pixels).sum())
        raise InputError(
            f"{name!r} has {n_nan:,} NaN and {n_infinite:,} infinite pixels of {pixels.size:,}; "
            "replace them by numbers (for example 0) and export it again"
        )
    return pixels
