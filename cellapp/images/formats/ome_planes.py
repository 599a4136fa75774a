"""Which page of which file holds each plane of an image, by its OME-XML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from cellapp.errors import InputError
from cellapp.images.formats.ome_xml import OmeBlock, OmeImage
from cellapp.images.formats.page_planes import Page
from cellapp.images.formats.tiff_file import TiffAlone

_MOST_PLANES = 1_000_000


def n_stored_channels(image: OmeImage, samples: int = 1) -> int:
    """Return how many planes there are per depth and time: channels that are samples of a pixel share one."""
    stated = image.channels[0].samples if image.channels else 1
    return max(image.size[1] // max(stated, samples, 1), 1)


def planes_of(image: OmeImage, files: Mapping[str, Path], name: str) -> dict[tuple[int, int, int], Page]:
    """Return where each plane of an image is.

    Parameters
    ----------
    image : OmeImage
    files : mapping of str to Path
        Of `OmeSet`.
    name : str
        Name for messages.

    Returns
    -------
    dict
        A page by (T, C, Z); planes that the text has no page for are left out.

    Raises
    ------
    InputError
        When the text declares more planes than any microscope takes.
    """
    n_times, n_channels, n_planes = image.size[0], n_stored_channels(image), image.size[2]
    if n_times * n_channels * n_planes > _MOST_PLANES:
        raise InputError(
            f"{name!r} declares {n_times * n_channels * n_planes:,} planes; at most {_MOST_PLANES:,} are read"
        )
    size = {"C": n_channels, "Z": n_planes, "T": n_times}
    order = [axis for axis in image.order if axis in size]
    pages: dict[tuple[int, int, int], Page] = {}
    for block in image.blocks:
        path = files.get(block.file_name)
        if path is None:
            continue
        places = _places(order, size, dict(zip("CZT", block.first, strict=True)))
        for i, place in enumerate(islice(places, _n_planes(block, path))):
            pages[place["T"], place["C"], place["Z"]] = Page(path, block.page + i)
    return pages


def _places(order: Sequence[str], size: Mapping[str, int], first: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Count planes up from the first of a block in the order of the file, whose fastest axis comes first."""
    strides = [1, size[order[0]], size[order[0]] * size[order[1]]]
    start = sum(first[axis] * stride for axis, stride in zip(order, strides, strict=True))
    for at in range(start, math.prod(size.values())):
        yield {axis: at // stride % size[axis] for axis, stride in zip(order, strides, strict=True)}


def _n_planes(block: OmeBlock, path: Path) -> int:
    """Return how many planes of a block its file can hold."""
    if block.n_planes == 1 and block.page == 0:
        return 1
    with TiffAlone(path) as tif:
        n_pages = max(len(tif.pages) - block.page, 0)
    return n_pages if block.n_planes is None else min(block.n_planes, n_pages)
