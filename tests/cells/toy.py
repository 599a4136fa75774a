"""Small label images and pixels whose answers can be worked out by hand."""

import numpy as np
from hypothesis import strategies as st
from skimage.draw import disk, ellipse

from cellapp.cells.measure import measure
from cellapp.types.cells import LabelMask
from cellapp.types.image import ImageInfo, Slide

CHANNELS = ("nucleus", "orange")


def blobs(n: int, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Return n ellipses of growing size, ids 1..n, none at the border."""
    labels = np.zeros(shape, np.int32)
    for i in range(n):
        row, column = divmod(i, 5)
        rr, cc = ellipse(16 + 30 * row, 16 + 30 * column, 5 + i, 9, rotation=0.3 * i, shape=shape)
        labels[rr, cc] = i + 1
    return labels


def circle(radius: int, margin: int = 10) -> np.ndarray:
    side = 2 * radius + 2 * margin
    labels = np.zeros((side, side), np.int32)
    labels[disk((side // 2, side // 2), radius)] = 1
    return labels


def noise(shape: tuple[int, int], dtype="uint16", n_channels: int = 2, seed: int = 0) -> np.ndarray:
    """Return (C, Y, X) noise over the full range of the type, 1 to the largest value (floats: 0..1)."""
    rng = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.floating):
        return rng.random((n_channels, *shape)).astype(dtype)
    return rng.integers(1, np.iinfo(dtype).max, (n_channels, *shape), dtype=dtype, endpoint=True)


def slide_of(pixels: np.ndarray, channels: tuple[str, ...] = CHANNELS, name: str = "toy.tif") -> Slide:
    info = ImageInfo(name, "tiff", pixels.shape, str(pixels.dtype), channels, 0.5, (pixels.shape[1:],), pixels.nbytes)
    return Slide(info, "0" * 64, (pixels,))


def measured(labels: np.ndarray, pixels: np.ndarray | None = None):
    """Return the mask, the pixels and the cell table of a label image."""
    pixels = noise(labels.shape) if pixels is None else pixels
    names = CHANNELS[: len(pixels)]
    mask = LabelMask(labels, "made@1")
    return mask, pixels, measure(pixels, mask, channels=names)


@st.composite
def label_arrays(draw, max_side: int = 24, max_id: int = 6):
    """Label images of any small shape with touching, broken and missing labels."""
    shape = draw(st.tuples(st.integers(1, max_side), st.integers(1, max_side)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = rng.integers(0, max_id + 1, (-(-shape[0] // 3), -(-shape[1] // 3)))
    labels = np.kron(coarse, np.ones((3, 3), int))[: shape[0], : shape[1]].astype(np.int32)
    labels[rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.4]))] = 0
    return labels
