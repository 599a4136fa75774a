"""CZI, ND2 and LIF through bioio: the only file that imports it, and only when such a file is opened."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.pixel_size import mean_um, to_um
from cellapp.images.formats.raster import DecodedOnce
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray

if TYPE_CHECKING:
    from bioio import BioImage

READERS = {"czi": "bioio_czi", "nd2": "bioio_nd2", "lif": "bioio_lif"}
_KEEP_BYTES = 2**30
"""Images up to this size are decoded once and held in memory; of larger ones, each access decodes its planes."""


def probe_all(path: Path, name: str, depth: str, file_format: str) -> tuple[ImageInfo, ...]:
    """Read the metadata of a CZI, ND2 or LIF file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.
    file_format : str
        A key of `READERS`.

    Returns
    -------
    tuple of ImageInfo
        The first scene at each time point; `notes` says when there are more scenes. Tiles of a mosaic are stitched.

    Raises
    ------
    InputError
        When the file is damaged, or the reader's package is not installed.
    """
    with decoding(name):
        image = _open(path, file_format)
        layout = _layout(image, name, depth)
        names = [str(channel) for channel in image.channel_names or []]
        size = image.physical_pixel_sizes
        n_scenes = len(image.scenes)
        info = ImageInfo(
            name=name,
            format=file_format,
            shape=layout.cyx,
            dtype=np.dtype(image.dtype).name,
            channels=clean_names(names, layout.cyx[0]),
            um_per_px=mean_um(to_um(size.Y, "um"), to_um(size.X, "um")),
            levels=(layout.cyx[1:],),
            bytes_on_disk=path.stat().st_size,
            notes=layout.notes + ((f"The file holds {n_scenes} scenes; the first is used.",) if n_scenes > 1 else ()),
            n_planes=layout.size("Z"),
        )
        return images_of([Scene(info, layout.size("T"))], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Return the only level of the file's first scene, (C, Y, X), decoded as it is read."""
    with decoding(info.name):
        image = _open(path, info.format)
        layout = _layout(image, info.name, info.selection.depth)
    stored: Any = image.dask_data
    if stored.nbytes <= _KEEP_BYTES:
        stored = DecodedOnce(np.dtype(info.dtype), lambda: image.data)
    return levels_of([stored], [layout], info)


def _open(path: Path, file_format: str) -> BioImage:
    package = READERS[file_format]
    try:
        from bioio import BioImage

        reader = import_module(package).Reader
    except ImportError as error:
        raise InputError(
            f"{file_format.upper()} files need a reader that is not installed: "
            f"pip install bioio {package.replace('_', '-')}"
        ) from error
    return BioImage(path, reader=reader)


def _layout(image: BioImage, name: str, depth: str) -> Layout:
    return resolve_axes(image.dims.order, image.shape, name, depth)
