"""Cut cells out of an image by their bounding boxes, in the four ways of `CropMode`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse import csr_array

from cellapp.cells.linear_resize import resized, scaling
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.errors import InputError
from cellapp.settings import CropMode, CropSettings
from cellapp.types.cells import Crops, LabelMask
from cellapp.types.image import Region, Role, Slide

MaskedCrop = tuple[np.ndarray, np.ndarray]
"""Pixels (C, h, w) of a cell and where the cell is, (h, w) bool."""

_LAST_BITS = 1e-9  # what half is, whatever the order of sums


def crop(
    pixels_of: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    cells: pd.DataFrame,
    settings: CropSettings,
    *,
    channels: Sequence[str],
    roles: Sequence[Role] = (),
    angle_deg: float = 0.0,
    with_inside: bool = False,
) -> Crops:
    """Crop cells.

    MASKED is the tight box with everything but the cell set to zero. PADDED puts it in the middle of a square of zeros
    at native scale; a cell larger than the square gets a square of its own size, because cutting or shrinking would
    change its shape or scale. LETTERBOXED scales it to fit the square, anti-aliased, aspect kept. WINDOW is the plain
    square around the box's centre; what lies outside the image is zero.

    Parameters
    ----------
    pixels_of : callable, Slide or ndarray of shape (C, Y, X)
        Raw or processed pixels; a callable takes a `Region` inside the image.
    mask : LabelMask
    cells : DataFrame
        Cells to cut, indexed by cell_id, with the ``bbox_*_px`` columns of `measure`; any subset, in any order.
    settings : CropSettings
        `drop_channels` names channels or roles; those are set to zero.
    channels : sequence of str
        Names in channel order.
    roles : sequence of Role
        What each channel shows.
    angle_deg : float
        Direction that is to lie horizontally, counter-clockwise from the horizontal as `Preprocessor.angle_deg` has it:
        crops are turned clockwise by it about the box's centre (pixels linear, cell nearest neighbour).
    with_inside : bool
        Also return where the cell is in each crop.

    Returns
    -------
    Crops
        In the order of `cells` and the dtype of the pixels.

    Raises
    ------
    InputError
        If a channel to drop is unknown, the image has another size than the labels, or a cell is not among them.
    """
    dropped = dropped_channels(settings.drop_channels, channels, roles)
    read = cached_reader(pixels_of, mask.labels.shape)
    pixels, inside = [], []
    for cell_id, *box in cells[BOX_COLUMNS].itertuples():
        cut = _cut(read, mask.labels, int(cell_id), tuple(box), settings=settings, angle_deg=angle_deg)
        image, on_cell = _shape(cut, settings)
        image[dropped] = 0
        pixels.append(image)
        inside.append(on_cell)
    return Crops(pixels, cells.index.to_numpy(np.int32), tuple(channels), inside if with_inside else ())


def dropped_channels(names: Sequence[str], channels: Sequence[str], roles: Sequence[Role] = ()) -> list[int]:
    """Return the indices of the channels that `names` (channel or role names) ask to drop.

    Raises
    ------
    InputError
        If a name is neither a channel nor the role of one.
    """
    dropped: list[int] = []
    for name in names:
        by_role = [i for i, role in enumerate(roles) if role == name]
        matching = [i for i, channel in enumerate(channels) if channel == name] or by_role
        if not matching:
            choices = ", ".join(dict.fromkeys([*channels, *(str(role) for role in roles)]))
            raise InputError(f"no channel {name!r} to drop; choose of: {choices}")
        dropped += matching
    return sorted(set(dropped))


def read_padded(read: PixelSource, labels: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Read pixels (C, h, w) and labels (h, w) of a region that may reach beyond the image; there, all is zero."""
    y0, x0 = max(region.y, 0), max(region.x, 0)
    y1, x1 = min(region.y + region.height, labels.shape[0]), min(region.x + region.width, labels.shape[1])
    inner = Region(y0, x0, y1 - y0, x1 - x0)
    missing = (
        (y0 - region.y, region.y + region.height - y1),
        (x0 - region.x, region.x + region.width - x1),
    )
    pixels, cells = read(inner), labels[inner.slices]
    if any(sum(missing, ())):
        pixels, cells = np.pad(pixels, ((0, 0), *missing)), np.pad(cells, missing)
    return pixels, cells


def _cut(
    read: PixelSource,
    labels: np.ndarray,
    cell_id: int,
    box: tuple[int, int, int, int],
    *,
    settings: CropSettings,
    angle_deg: float,
) -> MaskedCrop:
    """Return a copy of the window or of the tight box, rotated."""
    y0, x0, y1, x1 = box
    window = settings.mode is CropMode.WINDOW
    height, width = (settings.size_px, settings.size_px) if window else (y1 - y0, x1 - x0)
    margin = _turning_margin(height, width) if angle_deg % 360 else 0
    region = Region(
        (y0 + y1 - height) // 2 - margin, (x0 + x1 - width) // 2 - margin, height + 2 * margin, width + 2 * margin
    )
    pixels, around = read_padded(read, labels, region)
    core = (slice(margin, margin + height), slice(margin, margin + width))
    if window and not (around[core] == cell_id).any():
        pixels, around = read_padded(read, labels, _onto_cell(region, labels, cell_id, box))
    inside = around == cell_id
    if not inside.any():
        raise InputError(f"cell {cell_id} is not in this label image; use the cell table that was measured on it")
    if margin:
        pixels, inside = _turn(pixels, inside, angle_deg)
    if window:
        return np.array(pixels[(slice(None), *core)]), np.array(inside[core])
    core = ndimage.find_objects(inside.astype(np.uint8))[0] if margin else (slice(None), slice(None))
    return pixels[(slice(None), *core)] * inside[core], inside[core]


def _onto_cell(region: Region, labels: np.ndarray, cell_id: int, box: tuple[int, int, int, int]) -> Region:
    """Centre a window on the pixel of its cell nearest to the box's centre: rings and cells in pieces may miss that."""
    y0, x0, y1, x1 = box
    ys, xs = np.nonzero(labels[y0:y1, x0:x1] == cell_id)
    if not len(ys):
        return region
    nearest = np.argmin((ys - (y1 - y0) / 2) ** 2 + (xs - (x1 - x0) / 2) ** 2)
    y, x = y0 + int(ys[nearest]) - region.height // 2, x0 + int(xs[nearest]) - region.width // 2
    return Region(y, x, region.height, region.width)


def _turning_margin(height: int, width: int) -> int:
    return int(np.ceil((np.hypot(height, width) - min(height, width)) / 2)) + 1


def _turn(pixels: np.ndarray, inside: np.ndarray, angle_deg: float) -> MaskedCrop:
    options = {"reshape": False, "mode": "constant", "cval": 0}
    turned_inside = ndimage.rotate(inside.astype(np.uint8), -angle_deg, order=0, **options).astype(bool)
    if not turned_inside.any():  # a cell of one or two pixels can fall between the grid's points
        return pixels, inside
    turned = [
        _as_dtype(ndimage.rotate(channel.astype(np.float64), -angle_deg, order=1, **options), pixels.dtype)
        for channel in pixels
    ]
    return np.stack(turned), turned_inside


def _shape(cropped: MaskedCrop, settings: CropSettings) -> MaskedCrop:
    """Place or scale a tight crop into the square of the crop mode."""
    if settings.mode is CropMode.PADDED:
        side = max(settings.size_px, *cropped[1].shape)
        return _centred(cropped[0], side), _centred(cropped[1], side)
    if settings.mode is CropMode.LETTERBOXED:
        return _letterboxed(cropped, settings.size_px)
    return cropped


def _letterboxed(cropped: MaskedCrop, side: int) -> MaskedCrop:
    pixels, inside = cropped
    scale = side / max(inside.shape)
    rows, columns = (scaling(length, max(1, round(length * scale)), anti_aliased=scale < 1) for length in inside.shape)
    scaled = _scaled(pixels, rows, columns)
    covered = resized(inside[None].astype(np.float64), rows, columns)[0]
    # at least half covered; of a structure thinner than half a pixel, its best covered pixels
    on_cell = covered >= min(0.5, covered.max()) - _LAST_BITS
    return _centred(_as_dtype(scaled, pixels.dtype), side), _centred(on_cell, side)


def _scaled(pixels: np.ndarray, rows: csr_array, columns: csr_array) -> np.ndarray:
    """Resize channels by one matrix per side, see `scaling`; what touches a missing pixel is missing, nothing else."""
    known = np.isfinite(pixels)
    scaled = resized(np.where(known, pixels, 0).astype(np.float64), rows, columns)
    if np.issubdtype(pixels.dtype, np.floating) and known.any():
        scaled = np.clip(scaled, pixels[known].min(), pixels[known].max())  # sums of weights may miss 1 by the last bit
    if not known.all():  # a product would carry it along its whole row and column, as zero times NaN is NaN
        scaled[resized((~known).astype(np.float64), rows, columns) > 0] = np.nan
    return scaled


def _centred(array: np.ndarray, side: int) -> np.ndarray:
    height, width = array.shape[-2:]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((*array.shape[:-2], side, side), array.dtype)  # a tenth of the time of np.pad
    square[..., top : top + height, left : left + width] = array
    return square


def _as_dtype(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round and clip to the range of a dtype, so that integers do not wrap."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(dtype)
