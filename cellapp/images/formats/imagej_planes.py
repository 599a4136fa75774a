"""Planes that ImageJ's words in a TIFF declare and the file does not hold, or holds beside them.

tifffile gives up the words where pages are missing, so that time points would be read as channels.
"""

from __future__ import annotations

import math

import tifffile

from cellapp.errors import InputError


def with_gaps(tif: tifffile.TiffFile) -> list[tifffile.TiffPageSeries] | None:
    """Put the pages of an ImageJ stack that holds fewer than it declares where they belong.

    Parameters
    ----------
    tif : tifffile.TiffFile

    Returns
    -------
    list of tifffile.TiffPageSeries
        One, with None in the place of each page that is missing; None where all pages are there, or it is no such file.
    """
    sizes, page, n_pages = _declared(tif), tif.pages.first, len(tif.pages)
    n_planes = math.prod(sizes.values())
    if max(n_pages, _in_one_piece(tif)) >= n_planes:
        return None
    pages = [*tif.pages, *[None] * (n_planes - n_pages)]
    shape, axes = (*sizes.values(), *page.shape), "".join(sizes) + page.axes
    return [tifffile.TiffPageSeries(pages, shape, page.dtype, axes, parent=tif, kind="imagej")]


def check_stack(tif: tifffile.TiffFile, name: str) -> None:
    """Refuse an ImageJ stack in one piece, which has one page in the list of pages, when it is cut off.

    Raises
    ------
    InputError
    """
    n_there, n_planes = _in_one_piece(tif), math.prod(_declared(tif).values())
    if 1 < n_there < n_planes:
        raise InputError(
            f"{name!r} is cut off: it declares {n_planes:,} planes and holds {n_there:,}; copy or export it again"
        )


def left_over(tif: tifffile.TiffFile) -> tuple[str, ...]:
    """Say how many pages an ImageJ stack holds beside those it declares, which are not read."""
    n_planes, n_pages = math.prod(_declared(tif).values()), len(tif.pages)
    if not 1 < n_planes < n_pages:
        return ()
    return (f"The file declares {n_planes:,} planes and holds {n_pages:,} pages; the others are left out.",)


def _in_one_piece(tif: tifffile.TiffFile) -> int:
    """How many planes the pixels of the only page could be followed by, itself counted; 0 where there are several."""
    page = tif.pages.first
    if len(tif.pages) > 1 or not page.is_final or not page.nbytes:
        return 0
    return (tif.filehandle.size - page.dataoffsets[0]) // page.nbytes


def _declared(tif: tifffile.TiffFile) -> dict[str, int]:
    """Lengths of the axes whose planes are pages, slowest first; none where the words do not say or are no numbers."""
    said = tif.imagej_metadata or {}
    sizes = {axis: said.get(word, 1) for axis, word in (("C", "channels"), ("Z", "slices"), ("T", "frames"))}
    order = str(said.get("order", "czt")).upper()
    if not all(isinstance(size, int) and size > 0 for size in sizes.values()) or sorted(order) != sorted(sizes):
        return {}
    if sizes["C"] in (tif.pages.first.samplesperpixel, 1):  # samples of a pixel may be declared as channels
        del sizes["C"]
    return {axis: sizes[axis] for axis in reversed(order) if axis in sizes}
