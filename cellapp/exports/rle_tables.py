"""Tables of run-length codes: the columns of Cell Segger and of Kaggle, written from label images and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.config import app_settings
from cellapp.errors import BudgetError, InputError
from cellapp.exports.rle import COLUMNS_FROM_1, ROWS, ROWS_FROM_1, RunOrder, decode_labels, encode_labels, encode_mask
from cellapp.exports.tables import unescape_formula
from cellapp.text_table import read_table

IMAGES_CSV = "images.csv"


@dataclass(frozen=True)
class RleStyle:
    """How a program writes masks into a table."""

    name: str  # column of the image
    width: str
    height: str
    code: str  # column of the runs
    order: RunOrder
    per_cell: bool  # a row for each cell; else one for the foreground of an image


STYLES: Mapping[str, RleStyle] = {
    "cell-segger": RleStyle("name", "width", "height", "rle_annotation", ROWS, per_cell=False),
    "kaggle": RleStyle("ImageId", "Width", "Height", "EncodedPixels", COLUMNS_FROM_1, per_cell=True),
    "sartorius": RleStyle("id", "width", "height", "annotation", ROWS_FROM_1, per_cell=True),
}
"""By the name of the style; a table is told by its column of runs."""


def rle_table(
    images: Iterable[tuple[str, np.ndarray]], style: str = "cell-segger", *, per_cell: bool | None = None
) -> pd.DataFrame:
    """Write label images as run-length codes.

    Parameters
    ----------
    images : iterable of (str, ndarray of shape (Y, X), integer)
        Names, and labels with 0 as background.
    style : str
        A key of `STYLES`.
    per_cell : bool, optional
        A row for each cell rather than one for the foreground of the image; as the style has it when left out.

    Returns
    -------
    DataFrame
        Name, width, height and runs; an image without cells has one row without runs.

    Raises
    ------
    InputError
        When there is no such style.
    """
    chosen = _style(style)
    by_cell = chosen.per_cell if per_cell is None else per_cell
    rows: list[tuple[str, int, int, str]] = []
    for name, labels in images:
        codes = list(encode_labels(labels, chosen.order).values()) if by_cell else [encode_mask(labels, chosen.order)]
        rows += [(name, labels.shape[1], labels.shape[0], code) for code in codes or [""]]
    return pd.DataFrame(rows, columns=[chosen.name, chosen.width, chosen.height, chosen.code])


@dataclass(frozen=True)
class RleImage:
    """The rows of one image."""

    where: str  # file and name, for messages
    shape: tuple[int, int]  # rows, columns
    codes: tuple[str, ...]
    order: RunOrder

    def labels(self) -> np.ndarray:
        """Return the label image, (Y, X) int32: rows numbered from 1; the first one keeps pixels that two share.

        Raises
        ------
        InputError
            When runs do not fit; names the image.
        """
        try:
            return decode_labels(dict(enumerate(self.codes, start=1)), self.shape, self.order)
        except InputError as error:
            raise InputError(f"{self.where}: {error}") from error


def read_rle_table(path: Path) -> dict[str, RleImage]:
    """Read a table of run-length codes.

    Parameters
    ----------
    path : Path
        CSV in one of `STYLES`, told by its column of runs; further columns do not count.

    Returns
    -------
    dict of str to RleImage
        By name, in the order of their first rows.

    Raises
    ------
    InputError
        When the table is in no such style, or sizes are missing or contradict each other.
    BudgetError
        When an image is larger than the limits.
    """
    style, table = _read(path)
    images = {}
    for name, rows in table.groupby(style.name, sort=False):
        where = f"{path.name}, {name!r}"
        images[str(name)] = RleImage(where, _shape(rows, style, where), tuple(rows[style.code]), style.order)
    return images


def _style(name: str) -> RleStyle:
    if name not in STYLES:
        raise InputError(f"no style of run lengths {name!r}; choose from {', '.join(STYLES)}")
    return STYLES[name]


def _read(path: Path) -> tuple[RleStyle, pd.DataFrame]:
    """Return the style of a table, and its rows with the style's names of columns."""
    codes = [style.code for style in STYLES.values()]
    table = read_table(path, [], codes)
    style = next((style for style in STYLES.values() if style.code in table), None)
    if style is None:
        raise InputError(f"{path.name} has no column of run lengths; it needs one of {', '.join(codes)}")
    alike = {column.casefold(): column for column in table.columns}
    missing = [name for name in _facts(style) if name.casefold() not in alike]
    if missing:
        raise InputError(
            f"{path.name} has {style.code} and no column {missing[0]}: add name, width and height of images"
        )
    table = table.rename(columns={alike[name.casefold()]: name for name in _facts(style)})
    return style, table.assign(**{style.name: table[style.name].map(unescape_formula)})


def _facts(style: RleStyle) -> tuple[str, str, str]:
    return style.name, style.width, style.height


def _shape(rows: pd.DataFrame, style: RleStyle, where: str) -> tuple[int, int]:
    sizes = set(zip(rows[style.height], rows[style.width], strict=True))
    height, width = sizes.pop()
    if sizes or not all(side.isascii() and side.isdigit() and 0 < len(side) < 10 for side in (height, width)):
        raise InputError(f"{where}: every row of an image has its height and width, whole numbers and the same ones")
    n_px, most = int(height) * int(width), app_settings().budget.max_pixels
    if n_px > most:
        raise BudgetError(f"{where}: {n_px:,} px, and {most:,} are the limit; raise CELLAPP_BUDGET__MAX_PIXELS")
    return int(height), int(width)
