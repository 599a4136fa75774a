"""Small CZI, ND2 and LIF files of one image."""

from pathlib import Path

import numpy as np

from tests.images import czi_files, lif_files, nd2_files


def write_czi(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X)."""
    tiles = [czi_files.Tile(plane, plane={"C": i}) for i, plane in enumerate(pixels)]
    size_m = um_per_px * 1e-6
    return czi_files.write_tiles(path, tiles, channel_names=dict(enumerate(names)), scale_x=size_m, scale_y=size_m)


def write_lif(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X)."""
    return lif_files.write_images(path, [lif_files.Image("field", "CYX", pixels, names, um_per_px=um_per_px)])


def write_nd2(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X)."""
    return nd2_files.write_frames(path, pixels[None, None, None], names, um_per_px)
