"""The pixels of one cell, kept as run lengths in its box, so that a label outlives the segmentation it was given on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellapp.types.image import Region


@dataclass(frozen=True)
class Outline:
    """Which pixels of a box belong to a cell."""

    y0: int  # upper left corner of the box in the image, px
    x0: int
    height: int
    width: int
    runs: tuple[int, ...]  # start, length, start, length ...: rows after each other, counted from 0 in the box

    @property
    def region(self) -> Region:
        """The box as a rectangle of the image."""
        return Region(self.y0, self.x0, self.height, self.width)

    @property
    def area_px(self) -> int:
        """Number of pixels."""
        return sum(self.runs[1::2])

    @property
    def mask(self) -> np.ndarray:
        """The box, (height, width) bool, True on the cell."""
        flat = np.zeros(self.height * self.width, bool)
        for start, length in zip(self.runs[::2], self.runs[1::2], strict=True):
            flat[start : start + length] = True
        return flat.reshape(self.height, self.width)

    @property
    def point(self) -> tuple[int, int]:
        """The pixel (y, x) of the cell that is nearest to its centre: always on the cell, whatever its shape."""
        ys, xs = np.nonzero(self.mask)
        nearest = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
        return self.y0 + int(ys[nearest]), self.x0 + int(xs[nearest])

    @property
    def json(self) -> dict[str, Any]:
        """Plain JSON values, read back by `outline_from_json`."""
        return {"box": [self.y0, self.x0, self.height, self.width], "runs": list(self.runs)}


def outline_of(inside: np.ndarray, y0: int, x0: int) -> Outline:
    """Return the outline of a cell.

    Parameters
    ----------
    inside : ndarray of shape (h, w), bool
        True on the cell, at least once; the box is cut to it.
    y0, x0 : int
        Where `inside` lies in the image, px.
    """
    ys, xs = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    box = inside[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    edges = np.flatnonzero(np.diff(box.ravel().astype(np.int8), prepend=0, append=0))
    runs = np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).ravel()
    return Outline(int(y0 + ys[0]), int(x0 + xs[0]), *map(int, box.shape), tuple(runs.tolist()))


def outline_from_json(content: Mapping[str, Any]) -> Outline:
    """Read what `Outline.json` gave."""
    return Outline(*map(int, content["box"]), tuple(map(int, content["runs"])))
