"""A file of several scenes, time points and planes of depth, whose every image tells itself by its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

SCENES, TIMES = 2, 3


def write_series(
    path: Path, *, scenes: int = SCENES, times: int = TIMES, planes: int = 1, shape=(2, 48, 56), seed: int = 0
) -> Path:
    """Write an OME-TIFF, a time point each half day.

    In scene s at time t (both from 0) plane z is ``100 s + 10 t + z`` higher than noise of 0 to 4 that all share: no
    two images are equal, and the maximum over depth is the last plane.
    """
    noise = np.random.default_rng(seed).integers(0, 5, shape).astype(np.uint16)
    with tifffile.TiffWriter(path, ome=True) as tif:
        for s in range(scenes):
            z = np.arange(planes)[None, :, None, None, None]
            t = np.arange(times)[:, None, None, None, None]
            pixels = (noise + 100 * s + 10 * t + z).astype(np.uint16)  # (T, Z, C, Y, X)
            metadata = {
                "axes": "TZCYX",
                "Name": f"well {'AB'[s % 2]}{s // 2 + 1}",
                "Channel": {"Name": ["DAPI", "actin"][: shape[0]]},
            }
            metadata |= {"TimeIncrement": 12.0, "TimeIncrementUnit": "h", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
            tif.write(pixels, photometric="minisblack", metadata=metadata)
    return path
