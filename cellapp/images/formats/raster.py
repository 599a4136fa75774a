"""PNG, JPEG and BMP, decoded whole on first access."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin

from cellapp.images.channel_names import default_names
from cellapp.images.formats.axes import Layout
from cellapp.images.formats.channels_first import ChannelsFirst
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray

# Opened by class instead of Image.open: its guard against large pictures is one fixed number for the whole process,
# ours is `cellapp.images.limits.check_budget`, whose message has the number and how to raise it.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}
_PNG_GRAY_TYPES = {0, 4}
_GRAY_MODES = {"1", "L", "LA", "La", "I;16", "I;16B", "I", "F"}


class DecodedOnce:
    """An array that is decoded on first access and kept.

    Parameters
    ----------
    dtype : dtype
        Type of the decoded array.
    decode : callable
        Returns the whole array.
    """

    def __init__(self, dtype: np.dtype, decode: Callable[[], np.ndarray]) -> None:
        self.dtype = dtype
        self._decode = decode
        self._pixels: np.ndarray | None = None
        self._lock = threading.Lock()

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._decode()
        return self._pixels[key]


def probe_all(path: Path, name: str, picture_format: str) -> tuple[ImageInfo, ...]:
    """Read the header of a PNG, JPEG or BMP.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    picture_format : {"png", "jpeg", "bmp"}
        As `cellapp.images.formats.sniff.detect` returns it.

    Returns
    -------
    tuple of ImageInfo
        One, with one gray or three colour channels: transparency is no channel, a palette is resolved. Resolution tags
        are ignored, because in these formats they are meant for printing.

    Raises
    ------
    InputError
        When the header is damaged.
    """
    with decoding(name), path.open("rb") as file, _READERS[picture_format](file) as picture:
        width, height = picture.size
        gray = _is_gray(picture)
    depth, colour_type = _png_header(path) if picture_format == "png" else (8, None)
    if depth == 16:  # Pillow's mode of a 16-bit file is that of the 8 bits it would reduce it to
        gray = colour_type in _PNG_GRAY_TYPES
    n_channels = 1 if gray else 3
    info = ImageInfo(
        name=name,
        format=picture_format,
        shape=(n_channels, height, width),
        dtype="uint16" if depth == 16 else "uint8",
        channels=default_names(n_channels),
        um_per_px=None,
        levels=((height, width),),
        bytes_on_disk=path.stat().st_size,
    )
    return (info,)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Return the only level of a picture, (C, Y, X), decoded on first access."""
    n_channels, height, width = info.shape

    def decode() -> np.ndarray:
        pixels = _decode_deep_png(path) if info.dtype == "uint16" else _decode(path, info)
        return np.atleast_3d(pixels)[..., :n_channels]

    stored = DecodedOnce(np.dtype(info.dtype), decode)
    return (ChannelsFirst(stored, Layout("YXS", (height, width, n_channels)), info.name),)


def _is_gray(picture: ImageFile.ImageFile) -> bool:
    if picture.mode == "P" and picture.palette is not None:
        colours = np.frombuffer(picture.palette.tobytes(), dtype=np.uint8).reshape(-1, len(picture.palette.mode))
        return bool((colours[:, :3] == colours[:, :1]).all())
    return picture.mode in _GRAY_MODES


def _decode(path: Path, info: ImageInfo) -> np.ndarray:
    with path.open("rb") as file, _READERS[info.format](file) as picture:
        return np.asarray(picture.convert("L" if info.shape[0] == 1 else "RGB"))


def _decode_deep_png(path: Path) -> np.ndarray:
    # Pillow silently reduces 16-bit colour to 8 bits.
    pixels = imagecodecs.png_decode(path.read_bytes())
    has_alpha = pixels.ndim == 3 and pixels.shape[-1] in (2, 4)
    return pixels[..., :-1] if has_alpha else pixels


def _png_header(path: Path) -> tuple[int, int]:
    """Return bit depth and colour type, which every PNG has at a fixed offset."""
    with path.open("rb") as file:
        depth, colour_type = file.read(26)[24:]
    return depth, colour_type
