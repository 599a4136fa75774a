"""Keep the pixels of a small image, and the overview of a large one, while it is worked on.

The steps of a run read all of a small image some eight times, and four times all of a large one for an overview.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cellapp.types.image import LazyArray, Slide

MOST_BYTES = 64 * 2**20
"""Larger levels are decoded block by block, as often as they are asked for."""


def decoded_once(slide: Slide) -> Slide:
    """Return the same slide, which decodes its full resolution at the first access and keeps it, if that is small.

    Parameters
    ----------
    slide : Slide
        Of a level of more than 64 MiB only overviews are kept, see `cellapp.images.sampling.read_at_most`.
    """
    full, *smaller = slide.levels
    if math.prod(full.shape) * full.dtype.itemsize > MOST_BYTES:
        return replace(slide, overviews={})
    return replace(slide, levels=(_Decoded(full), *smaller))


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A level that is decoded as a whole; gives copies, as those who read may write to what they get."""

    stored: LazyArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X)."""
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        """Stored type."""
        return self.stored.dtype

    @cached_property
    def _pixels(self) -> np.ndarray:
        return np.asarray(self.stored[:, :, :])

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Return a block, (C, Y, X)."""
        return self._pixels[key].copy()
