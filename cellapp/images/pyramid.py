"""A pyramid for an image that has none: an OME-Zarr whose levels halve, written block by block.

It is for display only. Measurements and segmentation use the full level, and statistics of a slide every n-th pixel of
it (`cellapp.images.sampling.read_at_most`), so that a result does not depend on whether the pyramid was ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import zarr

from cellapp.types.image import ImageInfo, LazyArray, OnStep, Region, Slide

CHUNK_PX = 512
FLAT_PX = 2048
"""Images up to this side are displayed without a pyramid."""

_BLOCK_BYTES = 64 * 2**20


def needs_pyramid(info: ImageInfo) -> bool:
    """Whether an image is large and its file has no smaller levels."""
    return len(info.levels) == 1 and max(info.levels[0]) > FLAT_PX


def pyramid_shapes(shape: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return (Y, X) of each level, full resolution first, each half the one before, until one chunk holds it."""
    shapes = [shape]
    while max(shapes[-1]) > CHUNK_PX:
        shapes.append(tuple((n + 1) // 2 for n in shapes[-1]))
    return tuple(shapes)


def halve(pixels: np.ndarray) -> np.ndarray:
    """Average 2 x 2 pixels.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X)
        Any real dtype.

    Returns
    -------
    ndarray of shape (C, ceil(Y / 2), ceil(X / 2))
        Same dtype; integers are rounded half up. At an odd end the mean is over the pixels that are there.
    """
    return np.stack([_halve_plane(plane) for plane in pixels])


def write_pyramid(slide: Slide, path: Path, *, with_full: bool = False, on_step: OnStep | None = None) -> None:
    """Write the smaller levels of a slide as an OME-Zarr (NGFF 0.5) multiscale image.

    Parameters
    ----------
    slide : Slide
        Its full level is read once, in blocks of at most 64 MiB.
    path : Path
        Folder to write, which must not exist. Metadata are written last, so that an unfinished folder is no image.
    with_full : bool
        Write the full level too, for files that cannot be read in parts.
    on_step : callable, optional
        Progress callback, called for each block; it may raise to stop.
    """
    shapes = pyramid_shapes(slide.info.levels[0])
    steps = [(0, 1)] * with_full + [(at, 2) for at in range(1, len(shapes))]  # level to write, how much smaller it is
    group = zarr.open_group(path, mode="w", zarr_format=3)
    source, n_done = slide.levels[0], 0
    n_blocks = sum(len(_blocks(source, shapes[max(at - 1, 0)])) for at, step in steps)
    for at, step in steps:
        level = _new_level(group, str(at), source, shapes[at])
        for box in _blocks(source, source.shape[1:]):
            if on_step is not None:
                on_step("Preparing the viewer", n_done / n_blocks)
            block = np.asarray(source[:, *box.slices])
            block = block if step == 1 else halve(block)
            y, x = box.y // step, box.x // step
            level[:, y : y + block.shape[1], x : x + block.shape[2]] = block
            n_done += 1
        source = level
    group.attrs["ome"] = _metadata(slide.info, [at for at, _ in steps])


def _halve_plane(plane: np.ndarray) -> np.ndarray:
    padded = np.pad(plane, [(0, n % 2) for n in plane.shape], mode="edge")
    exact = plane.dtype.kind in "bui" and plane.dtype.itemsize < 8
    wide = np.int64 if exact and plane.dtype.itemsize == 4 else np.int32 if exact else np.float64
    total = padded[0::2, 0::2].astype(wide)
    for y, x in ((0, 1), (1, 0), (1, 1)):
        total += padded[y::2, x::2]
    mean = (total + 2) // 4 if exact else total / 4
    return mean.astype(plane.dtype)


def _blocks(source: LazyArray, shape: tuple[int, int]) -> list[Region]:
    """Divide a level into blocks of at most `_BLOCK_BYTES`, which begin where chunks of the next level do."""
    side = 2 * CHUNK_PX
    n_bytes = source.shape[0] * side * side * np.dtype(source.dtype).itemsize
    width = max(_BLOCK_BYTES // n_bytes, 1) * side
    return [
        Region(y, x, min(side, shape[0] - y), min(width, shape[1] - x))
        for y in range(0, shape[0], side)
        for x in range(0, shape[1], width)
    ]


def _new_level(group: zarr.Group, name: str, source: LazyArray, shape: tuple[int, int]) -> zarr.Array:
    n_channels = source.shape[0]
    chunks = (1, *(min(CHUNK_PX, n) for n in shape))
    return group.create_array(name, shape=(n_channels, *shape), dtype=source.dtype, chunks=chunks)


def _metadata(info: ImageInfo, levels: Sequence[int]) -> dict[str, object]:
    space = {"type": "space"} | ({"unit": "micrometer"} if info.um_per_px else {})
    um = info.um_per_px or 1.0
    datasets = [
        {
            "path": str(at),
            "coordinateTransformations": [{"type": "scale", "scale": [1.0, um * 2**at, um * 2**at]}],
        }
        for at in levels
    ]
    axes = [{"name": "c", "type": "channel"}, {"name": "y", **space}, {"name": "x", **space}]
    return {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": datasets}],
        "omero": {"channels": [{"label": name} for name in info.channels]},
    }
