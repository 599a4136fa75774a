"""Annotations of 8-bit pictures: outlines of cells, letters, legends, scale bars, signed colour maps."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from cellapp.rendering.colours import CLASS_COLOURS, DIVERGING, rgb

INK, PAPER = "#1A1A1A", "#FFFFFF"
_TEXTS_KEPT = 256
_ORDER = {"cancer": 0, "normal": 0} | dict.fromkeys(CLASS_COLOURS.keys() - {"cancer", "normal"}, 2)


def class_letters(names: Sequence[str]) -> dict[str, str]:
    """Give each name a letter of its own, its first free one, so that classes differ not only in colour.

    In whatever order they come: U is kept for unsure cells, cancer and normal choose first, and what is no class last.
    """
    letters = {"unsure": "U"}
    for name in sorted(set(names) - letters.keys(), key=lambda name: (_ORDER.get(name, 1), name)):
        choices = [sign.upper() for sign in str(name) if sign.isalnum()] + [chr(65 + i) for i in range(26)]
        letters[name] = next((sign for sign in choices if sign not in letters.values()), "*")
    return {name: letters[name] for name in names}


def outcome_letter(name: str, classes: Sequence[str]) -> str:
    """Return the letter of a class of a head, or of what else a cell may count as, see `class_letters`."""
    return class_letters(classes if name in classes else (*classes, name))[name]


def one_line(text: str, max_length: int = 60) -> str:
    """Return printable text without line breaks, cut with an ellipsis."""
    printable = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in str(text))
    line = " ".join(printable.split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the typeface that comes with Pillow, which keeps what it rendered last: few texts differ among crops."""
    typeface = ImageFont.load_default(size_px)
    if isinstance(typeface, ImageFont.FreeTypeFont):
        typeface.getmask2 = lru_cache(_TEXTS_KEPT)(typeface.getmask2)
    return typeface


def strip(width_px: int, lines: Sequence[str], size_px: int = 13) -> np.ndarray:
    """Return lines of text on white, (h, `width_px`, 3) uint8; what does not fit is cut off."""
    step = size_px + 5
    canvas = Image.new("RGB", (width_px, step * len(lines) + 4), PAPER)
    draw = ImageDraw.Draw(canvas)
    for i, line in enumerate(lines):
        draw.text((4, 2 + i * step), one_line(line, 120), fill=INK, font=font(size_px))
    return np.asarray(canvas)


def legend(width_px: int, entries: Sequence[tuple[str, str, str]], size_px: int = 16) -> np.ndarray:
    """Return a legend strip, (h, `width_px`, 3) uint8, wrapped to the width.

    Parameters
    ----------
    width_px : int
    entries : sequence of (letter, text, colour)
    size_px : int
        Height of the text.
    """
    placed, x, row = [], 8, 0
    for letter, text, colour in entries:
        entry = f"{letter}  {one_line(text, 40)}"
        length = 2 * size_px + int(font(size_px).getlength(entry))
        if x > 8 and x + length > width_px:
            x, row = 8, row + 1
        placed.append((x, 6 + row * (size_px + 8), entry, colour))
        x += length + size_px
    canvas = Image.new("RGB", (width_px, (row + 1) * (size_px + 8) + 6), PAPER)
    draw = ImageDraw.Draw(canvas)
    for x, y, entry, colour in placed:
        draw.rectangle((x, y + 2, x + size_px, y + size_px), fill=colour, outline=INK)
        draw.text((x + size_px + 6, y), entry, fill=INK, font=font(size_px))
    return np.asarray(canvas)


def mark(picture: np.ndarray, marks: Sequence[tuple[float, float, str]], size_px: int = 13) -> np.ndarray:
    """Write a letter at each (x, y, letter), white with a dark rim so that it reads on any ground."""
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for x, y, letter in marks:
        draw.text((x, y), letter, fill=PAPER, font=font(size_px), anchor="mm", stroke_width=2, stroke_fill=INK)
    return np.asarray(canvas)


def round_length(most: float) -> float:
    """Return the longest of 1, 2 or 5 times a power of ten that is at most `most`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (5, 2, 1) if step * power <= most)


def scale_bar(picture: np.ndarray, um_per_px: float) -> np.ndarray:
    """Draw a bar of a round length, at most a third of the width, with its length in um.

    Parameters
    ----------
    picture : ndarray of shape (h, w, 3), uint8
    um_per_px : float
        Of the picture's own pixels.
    """
    length_um = round_length(picture.shape[1] / 3 * um_per_px)
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    right, bottom = picture.shape[1] - 6, picture.shape[0] - 6
    left = right - round(length_um / um_per_px)
    draw.rectangle((left - 1, bottom - 4, right + 1, bottom), fill="#FFFFFF", outline="#000000")
    draw.text((right, bottom - 6), f"{length_um:g} um", fill="#FFFFFF", font=font(11), anchor="rb",
              stroke_width=1, stroke_fill="#000000")  # fmt: skip
    return np.asarray(canvas)


def magnify(array: np.ndarray, factor: int) -> np.ndarray:
    """Repeat every pixel of a (h, w, …) array `factor` times each way."""
    return array.repeat(factor, axis=1).repeat(factor, axis=0)  # rows are copied whole


def squared(picture: np.ndarray, side_px: int) -> np.ndarray:
    """Scale a (h, w, 3) uint8 picture to fit a black square, aspect kept, centred, as encoders see crops."""
    scale = side_px / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    canvas = Image.new("RGB", (side_px, side_px))
    scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    canvas.paste(scaled, ((side_px - width) // 2, (side_px - height) // 2))
    return np.asarray(canvas)


def signed_colours(values: np.ndarray, limit: float) -> np.ndarray:
    """Colour signed numbers from blue (-limit) over white (0) to vermillion (+limit), (…, 3) uint8.

    Parameters
    ----------
    values : ndarray
    limit : float
        Half width of the symmetric scale; 0 stands for a scale of 1.
    """
    stops = [position for position, _ in DIVERGING]
    level = np.clip(np.asarray(values, np.float64) / (limit or 1.0) / 2 + 0.5, 0, 1)
    parts = [np.interp(level, stops, [rgb(colour)[k] for _, colour in DIVERGING]) for k in range(3)]
    return np.rint(np.stack(parts, axis=-1)).astype(np.uint8)


def cell_outline(inside: np.ndarray, width_px: int) -> np.ndarray:
    """Return the outline of one cell on its inside, (h, w) bool, as `draw_outlines` draws it.

    Parameters
    ----------
    inside : ndarray of shape (h, w), bool
    width_px : int
        Width of the line.
    """
    core = inside
    for axis in (0, 1):
        before, after = [slice(None)] * 2, [slice(None)] * 2
        shrunk = core.copy()
        for step in range(1, width_px + 1):
            before[axis], after[axis] = slice(None, -step), slice(step, None)
            shrunk[tuple(after)] &= core[tuple(before)]
            shrunk[tuple(before)] &= core[tuple(after)]
        core = shrunk
    return inside & ~core


def draw_outlines(
    picture: np.ndarray,
    labels: np.ndarray,
    colours: Mapping[int, str] | str,
    opacity: float = 1.0,
    width_px: int = 1,
) -> np.ndarray:
    """Draw the outline of each cell on its inside, so that two lines lie between cells that touch.

    Parameters
    ----------
    picture : ndarray of shape (Y, X, 3), uint8
        It is not changed.
    labels : ndarray of shape (Y, X), integer
        Label image of the same size, 0 is background.
    colours : mapping of int to str, or str
        "#RRGGBB" by cell id, cells not named are not drawn; or one colour for all.
    opacity : float
        0 leaves the picture, 1 covers it.
    width_px : int
        Width of the lines.

    Returns
    -------
    ndarray of shape (Y, X, 3), uint8
    """
    drawn, size = picture.copy(), 2 * width_px + 1
    if not labels.any():
        return drawn
    edge = ndimage.maximum_filter(labels, size, mode="nearest") != ndimage.minimum_filter(labels, size, mode="nearest")
    rows, columns = np.nonzero(edge & (labels != 0))
    ids = labels[rows, columns]
    by_id = dict.fromkeys(np.unique(ids).tolist(), colours) if isinstance(colours, str) else colours
    coloured_ids = np.array(sorted(by_id), dtype=np.int64)
    coloured = np.isin(ids, coloured_ids)
    rows, columns, ids = rows[coloured], columns[coloured], ids[coloured]
    table = np.array([rgb(by_id[i]) for i in coloured_ids.tolist()], dtype=np.float32).reshape(-1, 3)
    paint = table[np.searchsorted(coloured_ids, ids)]
    drawn[rows, columns] = np.rint((1 - opacity) * picture[rows, columns] + opacity * paint).astype(np.uint8)
    return drawn
