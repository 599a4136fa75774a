"""What the tags of a TIFF say about its samples: photometric interpretation, colour map, extra samples, orientation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellapp.errors import InputError
from cellapp.images.formats.axes import Layout, StoredArray
from cellapp.images.formats.colours import from_inks, from_luma, straight, with_table
from cellapp.images.formats.ome_xml import OmeImage, parse_ome
from cellapp.images.formats.planes import Present, present
from cellapp.images.formats.samples import FROM_INKS, NO_ALPHA, Samples, TurnedOver, top_of
from cellapp.images.formats.tiff_level import TiffLevel
from cellapp.images.formats.tiff_metadata import stored_names
from cellapp.images.formats.transparency import is_opaque, is_transparency, last_sample

_PHOTOMETRIC, _ORIENTATION, _MAX_VALUE, _SMAX_VALUE, _INK_SET = 262, 274, 281, 341, 332
_LUMA_COEFFICIENTS, _REFERENCE_BLACK_WHITE = 529, 532
_UNSPECIFIED, _PREMULTIPLIED = 0, 1
_DECODED_TO_RGB = {6, 7, 34892, 33007, 50001, 50002, 52546, 34933, 34934, 22610}
"""Compressions that know colours themselves: JPEG, WebP, JPEG XL, PNG and JPEG XR."""
_REFUSED = {
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32803: "the mosaic of a camera's sensor",
    32844: "LogL",
    32845: "LogLuv",
}
_MOST_BYTES = 2**26
"""A strip or tile larger than this is not decoded before the limits on size are checked."""


def read_samples(
    path: Path,
    series: tifffile.TiffPageSeries,
    number: int,
    layout: Layout,
    ome: OmeImage | None,
    at: int,
    name: str,
    depth: str = "max",
) -> tuple[Samples, Present]:
    """Read what the samples of an image mean, and which of the planes it declares are there.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
        The image, number `number` of its file.
    number : int
    layout : Layout
        Its axes.
    ome : OmeImage or None
        What OME-XML says of it.
    at : int
        Which of several positions is meant.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Raises
    ------
    InputError
        For colour spaces that are not converted, and when planes are in other files that are not there, or none is.
    """
    smallest = TiffLevel(path, number, len(series.levels) - 1, np.dtype(series.dtype))
    sizes = layout.resized(series.levels[-1].shape)
    n_named = len(stored_names(series.parent, ome))
    samples = declared_samples(series.keyframe, sizes, name, n_named=n_named, smallest=smallest)
    is_there = [page is not None for page in series.pages]
    if ome and not all(is_there):
        _check_one_file(series.parent, name)
    there = present(is_there, layout, at, name, depth)
    samples = samples.with_bits(ome.significant_bits if ome else None, np.dtype(series.dtype).name)
    return samples.of_channels(there.channels), there


def _check_one_file(tif: tifffile.TiffFile, name: str) -> None:
    own = parse_ome(tif.ome_metadata or "", name)
    others = {block.file_name for image in own.images for block in image.blocks if block.uuid != own.uuid} - {""}
    if others:
        raise InputError(
            f"{name!r} keeps part of its image in other files ({', '.join(sorted(others))}); export it as one file"
        )


def declared_samples(
    page: tifffile.TiffPage, layout: Layout, name: str, *, n_named: int, smallest: StoredArray
) -> Samples:
    """Read what the samples of an image mean.

    Parameters
    ----------
    page : tifffile.TiffPage
        The key frame of the image.
    layout : Layout
        Its axes.
    name : str
        Name for messages.
    n_named : int
        How many channels the file itself names.
    smallest : StoredArray
        The smallest level, not yet decoded: declared transparency is looked at in a few windows.

    Returns
    -------
    Samples

    Raises
    ------
    InputError
        For colour spaces that are not converted.
    """
    kind, samples = photometric(page), Samples(bits=_bits(page))
    if kind in _REFUSED:
        raise InputError(f"{name!r} holds its colours as {_REFUSED[kind]}; save it as RGB")
    if kind == 3 and page.colormap is not None:
        samples = _of_table(page, layout, samples, name)
    elif kind == 5:
        samples = _of_inks(page, layout, samples, name)
    else:
        samples = _of_colours(page, layout, samples, n_named, smallest)
        samples = _of_luma(page, samples, name) if kind == 6 else samples
    if kind == 0:
        told = "each value v is read as " + {"f": "1 - v", "i": "-1 - v"}.get(page.dtype.kind, f"{_top(page):.0f} - v")
        samples = samples.told(f"The file stores white as the lowest number: {told}.")
    return samples.upright(int(page.tags.valueof(_ORIENTATION, 1)))


def photometric(page: tifffile.TiffPage) -> int:
    """Return the photometric interpretation of a page: 0 white is zero, 1 black is zero, 2 RGB, 3 palette."""
    return int(page.photometric) if _PHOTOMETRIC in page.tags else 1


def turned_over(stored: Sequence[Any], page: tifffile.TiffPage) -> list[Any]:
    """Wrap the stored levels of an image whose lowest number means white; others are returned as they are."""
    if photometric(page) != 0:
        return list(stored)
    return [TurnedOver(level, -1 if page.dtype.kind == "i" else _top(page)) for level in stored]


def _top(page: tifffile.TiffPage) -> float:
    return top_of(page.dtype, page.bitspersample)


def _bits(page: tifffile.TiffPage) -> int | None:
    """Return the bits that carry values where the file says that they are fewer than its type has."""
    if page.dtype.kind != "u":
        return None
    tops = (page.tags.valueof(code) for code in (_MAX_VALUE, _SMAX_VALUE))
    tops = [int(np.max(top)) for top in tops if top is not None]
    said = [top.bit_length() for top in tops if top > 0 and top & (top + 1) == 0]  # 4095 is a range, 3187 is content
    bits = min([page.bitspersample, *said])
    return bits if bits < 8 * page.dtype.itemsize else None


def _of_table(page: tifffile.TiffPage, layout: Layout, samples: Samples, name: str) -> Samples:
    if layout.cyx[0] > 1:
        return samples  # each of several planes is a stain, and its colours are for display
    table = page.colormap.T[: 2**page.bitspersample]
    if page.bitspersample <= 8:
        table = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
    samples = with_table(samples, table)
    if samples.conversion is not None and layout.size("Z") > 1:
        raise InputError(f"{name!r} is a stack of pictures of indexed colours; save it as RGB")
    return samples


def _of_inks(page: tifffile.TiffPage, layout: Layout, samples: Samples, name: str) -> Samples:
    if layout.size("S") < 4 or layout.size("C") > 1 or page.tags.valueof(_INK_SET, 1) != 1:
        raise InputError(f"{name!r} holds the inks of a print, {layout.cyx[0]} of them; save it as RGB")
    conversion = from_inks(page.dtype.name, _top(page))
    return replace(samples, kept=(0, 1, 2, 3), conversion=conversion).told(FROM_INKS)


def _of_luma(page: tifffile.TiffPage, samples: Samples, name: str) -> Samples:
    if int(page.compression) in _DECODED_TO_RGB:
        return samples
    if page.dtype != np.uint8 or samples.conversion is not None or page.is_subsampled:
        raise InputError(f"{name!r} holds its colours as a variant of YCbCr that is not read; save it as RGB")
    coefficients, reference = (page.tags.valueof(code) for code in (_LUMA_COEFFICIENTS, _REFERENCE_BLACK_WHITE))
    weights = [a / b for a, b in zip(coefficients[::2], coefficients[1::2], strict=True)] if coefficients else None
    levels = [a / b for a, b in zip(reference[::2], reference[1::2], strict=True)] if reference else None
    conversion = from_luma(weights or (0.299, 0.587, 0.114), levels or (0, 255, 128, 255, 128, 255))
    kept = samples.kept or (0, 1, 2)
    return replace(samples, kept=kept, conversion=conversion).told("Its YCbCr colours are read as RGB.")


def _of_colours(
    page: tifffile.TiffPage, layout: Layout, samples: Samples, n_named: int, smallest: StoredArray
) -> Samples:
    """Leave out a last sample that is transparency, unless the file names it or it holds a picture of its own."""
    n_samples, n_colours = layout.size("S"), 3 if photometric(page) in (2, 6) else 1
    kinds = [int(kind) for kind in page.extrasamples] or [_UNSPECIFIED]
    named = n_named > 1 and n_named == layout.cyx[0]
    if n_samples != n_colours + 1 or named or (kinds[-1] == _UNSPECIFIED and n_colours == 1):
        return samples
    windows, top = _look(page, layout, smallest), _top(page)
    if kinds[-1] == _UNSPECIFIED and not (windows and is_opaque(windows, top)):
        return samples
    if windows and not is_transparency(windows, top):
        told = f"Sample {n_samples}, which the file calls transparency, holds a picture of its own and is a channel."
        return samples.told(told)
    kept = tuple(c * n_samples + s for c in range(layout.size("C")) for s in range(n_colours))
    plain = replace(samples, kept=kept)
    if kinds[-1] != _PREMULTIPLIED or layout.size("C") > 1 or (windows and is_opaque(windows, top)):
        return plain.told(NO_ALPHA)
    told = "Colours are divided by the opacity they were multiplied with; transparency (alpha) is no channel."
    undone = straight(n_colours, page.dtype.name, top)
    return replace(plain, kept=(*kept, n_samples - 1), conversion=undone).told(told)


def _look(page: tifffile.TiffPage, layout: Layout, smallest: StoredArray) -> list[np.ndarray]:
    """Return windows of the last sample, none where that would decode much more."""
    n_bytes = math.prod(page.chunks) * page.dtype.itemsize
    return last_sample(smallest, layout) if page.is_memmappable or n_bytes <= _MOST_BYTES else []
