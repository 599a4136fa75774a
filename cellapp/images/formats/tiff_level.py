"""One pyramid level of a TIFF as an array that decodes the strips or tiles that are asked for."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import zarr

from cellapp.images.formats.tiff_file import TiffAlone


@dataclass(frozen=True, eq=False)
class TiffLevel:
    """One pyramid level; the file is opened on first access and closed with this object."""

    path: Path
    series: int
    level: int
    dtype: np.dtype

    @cached_property
    def _array(self) -> zarr.Array | np.ndarray:
        tif = TiffAlone(self.path)
        weakref.finalize(self, tif.close)
        series = tif.series[self.series].levels[self.level]
        # Uncompressed files are often one strip per plane, which zarr would read whole for each block.
        if series.dataoffset is not None and series.keyframe.is_memmappable:
            return series.asarray(out="memmap")
        return zarr.open_array(tif.series[self.series].aszarr(level=self.level), mode="r")

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        """Decode a block in the order of axes of the series."""
        return np.asarray(self._array[key])
