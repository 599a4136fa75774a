"""Draw and encode the tiles a browser asks for; the latest ones are kept, up to `CACHE_BYTES`."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable
from threading import Condition

import numpy as np
from cachetools import LRUCache, cached
from PIL import Image

from cellapp.compute.garbage import spare_libraries
from cellapp.errors import InputError
from cellapp.rendering.composition import from_text
from cellapp.store.cells import manual_labels
from cellapp.store.open_image import lacks_pyramid, open_view
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.store.runs import run_folder
from cellapp.viewer import label_tiles
from cellapp.viewer.multiscale_reader import MultiscaleReader, tile_region

FORMATS = {
    "jpg": ("JPEG", "image/jpeg", {"quality": 90, "subsampling": 0}),
    "webp": ("WEBP", "image/webp", {"quality": 90, "method": 0}),
    "png": ("PNG", "image/png", {"compress_level": 1}),
}
"""Ending of an address -> Pillow's name, media type and options; JPEG is the quickest to make by far."""

CACHE_BYTES = 64 * 2**20


def image_tile(record: ImageRecord, level: int, row: int, column: int, *, channels: str, ending: str) -> bytes:
    """Draw and encode a tile of an image.

    Parameters
    ----------
    record : ImageRecord
    level, row, column : int
        See `cellapp.viewer.multiscale_reader.tile_region`.
    channels : str
        Colour, window and gamma of each channel, see `cellapp.rendering.composition.as_text`.
    ending : str
        A key of `FORMATS`.

    Raises
    ------
    InputError
        There is no such tile or format, or `channels` does not fit the image.
    """
    if ending not in FORMATS:
        raise InputError(f"a tile is one of {', '.join(FORMATS)}; got {ending!r}")
    region = tile_region(record.info.shape[1:], level, row, column)
    composition = from_text(channels, record.info.shape[0])
    has_pyramid = not lacks_pyramid(record)

    def draw() -> bytes:
        return encode(composition.draw(_reader(record.id, record.digest, has_pyramid).read(region, level)), ending)

    return _cached_tile((record.digest, has_pyramid, level, row, column, channels, ending), draw)


def label_tile(run: RunRecord, image: ImageRecord, level: int, row: int, column: int, *, threshold: float) -> bytes:
    """Draw and encode a PNG tile of the cells of a result, in the colours of their classes at `threshold`.

    Parameters
    ----------
    run : RunRecord
    image : ImageRecord
        Of the run.
    level, row, column : int
        See `cellapp.viewer.multiscale_reader.tile_region`.
    threshold : float
        Probability from which a cell has the positive class.

    Raises
    ------
    InputError
        There is no such tile.
    """
    region = tile_region(image.info.shape[1:], level, row, column)
    folder = run_folder(run.id) / run.image(image.id).stem
    manual_classes = manual_labels(run.id).get(image.id, {})
    marks = label_tiles.cell_marks(folder, run.settings.classify, manual_classes, threshold=threshold)

    def draw() -> bytes:
        labels = label_tiles.open_labels(folder / "labels.tif")
        return encode(label_tiles.draw_label_tile(labels, marks, region, level), "png")

    return _cached_tile((marks.key, level, row, column), draw)


def cell_at(run: RunRecord, image_id: str, y: int, x: int) -> int:
    """Return the id of the cell of a result that covers a pixel, 0 where there is none."""
    labels = label_tiles.open_labels(run_folder(run.id) / run.image(image_id).stem / "labels.tif")
    return label_tiles.cell_at(labels, y, x)


def encode(pixels: np.ndarray, ending: str) -> bytes:
    """Encode (Y, X, 3) or (Y, X, 4) uint8 for a browser."""
    name, _, options = FORMATS[ending]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, name, **options)
    return buffer.getvalue()


# A browser asks for half a dozen tiles at once: the condition lets one thread open a file and the others wait for it.
@cached(LRUCache(8), condition=Condition())
def _reader(image_id: str, digest: str, has_pyramid: bool) -> MultiscaleReader:
    reader = MultiscaleReader(open_view(image_id))
    spare_libraries()
    return reader


@cached(LRUCache(CACHE_BYTES, getsizeof=len), key=lambda key, draw: key, condition=Condition())
def _cached_tile(key: Hashable, draw: Callable[[], bytes]) -> bytes:
    return draw()
