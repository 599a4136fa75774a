"""PNG, JPEG and BMP, decoded whole on first access."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin

from cellapp.images.channel_names import default_names
from cellapp.images.formats import png_chunks
from cellapp.images.formats.axes import Layout
from cellapp.images.formats.channels_first import ChannelsFirst
from cellapp.images.formats.colours import with_table
from cellapp.images.formats.detect import detect
from cellapp.images.formats.picture_complete import check_cost, check_jpeg, check_png, ends_as_it_should
from cellapp.images.formats.samples import FROM_INKS, NO_ALPHA, Samples
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
_INDEXED_MODES = {"P", "PA"}
_ORIENTATION = 274
_BAND_PX = 2**22
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


def probe_all(path: Path, name: str, depth: str) -> tuple[ImageInfo, ...]:
    """Read the header of a PNG, JPEG or BMP.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    depth : str
        As of every `cellapp.images.formats.readers.Reader`; a picture has one plane.

    Returns
    -------
    tuple of ImageInfo
        One, with one gray or three colour channels, upright: transparency is no channel, a palette is resolved unless
        it is for display only. Resolution tags are ignored, because in these formats they are meant for printing.

    Raises
    ------
    InputError
        When the header is damaged.
    """
    picture_format = detect(path, name)
    with decoding(name), _opened(path, picture_format) as picture:
        layout, dtype, samples = _header(path, picture)
    shape = samples.shape(layout.cyx)
    info = ImageInfo(
        name=name,
        format=picture_format,
        shape=shape,
        dtype=samples.dtype(dtype),
        channels=default_names(shape[0], is_photo=shape[0] == 3),
        um_per_px=None,
        levels=(shape[1:],),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=samples.notes,
        is_photo=shape[0] == 3,
    )
    return (info,)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Return the only level of a picture, (C, Y, X), decoded on first access."""
    with decoding(info.name), _opened(path, info.format) as picture:
        layout, dtype, samples = _header(path, picture)

    def decode() -> np.ndarray:
        # Pillow silently reduces 16-bit colour to 8 bits.
        deep = dtype == "uint16"
        pixels = imagecodecs.png_decode(path.read_bytes()) if deep else _decode(path, info.format, info.name)
        return np.atleast_3d(pixels)[..., : layout.size("S")]

    return (samples.meant(ChannelsFirst(DecodedOnce(np.dtype(dtype), decode), layout, info.name)),)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return False: a picture is decoded whole."""
    return False


def check_complete(path: Path, info: ImageInfo) -> None:
    """Check that a picture is not cut off; one whose file has no end is decoded to see whether it is whole.

    Raises
    ------
    InputError
        When it is damaged, or takes more memory than there is; see `cellapp.images.formats.picture_complete`.
    """
    check_cost(path, info)
    with decoding(info.name):
        if not ends_as_it_should(path, info.format):
            np.asarray(open_levels(path, info)[0][:, :1, :1])


@contextmanager
def _opened(path: Path, picture_format: str) -> Iterator[ImageFile.ImageFile]:
    with path.open("rb") as file, _READERS[picture_format](file) as picture:
        yield picture


def _header(path: Path, picture: ImageFile.ImageFile) -> tuple[Layout, str, Samples]:
    """Return axes and type of what `open_levels` decodes, which has transparency no more, and what it means."""
    header = png_chunks.read_header(path) if picture.format == "PNG" else None
    depth = header.depth if header else 8
    gray = picture.mode in _GRAY_MODES
    if depth == 16:  # Pillow's mode of a 16-bit file is that of the 8 bits it would reduce it to
        gray = header.colour_type in _PNG_GRAY_TYPES
    n_samples = 1 if gray or picture.mode in _INDEXED_MODES else 3
    chunks = png_chunks.read_chunks(path, b"eXIf", b"sBIT") if picture.format == "PNG" else {}
    dtype = "uint16" if depth == 16 else "uint8"
    samples = _meaning(picture).with_bits(png_chunks.bits(chunks, depth), dtype)
    samples = samples.upright(_orientation(chunks.get(b"eXIf") or picture.info.get("exif") or b""))
    return Layout("YXS", (picture.height, picture.width, n_samples)), dtype, samples


def _meaning(picture: ImageFile.ImageFile) -> Samples:
    samples = Samples()
    if picture.mode == "CMYK":
        samples = samples.told(FROM_INKS)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        samples = samples.told(NO_ALPHA)
    return with_table(samples, _table(picture)) if picture.mode in _INDEXED_MODES else samples


def _orientation(exif: bytes) -> int:
    """Return the orientation of EXIF metadata, 1 where they have none or are damaged: the picture need not be."""
    found = Image.Exif()
    try:
        found.load(exif)
        return int(found.get(_ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, struct.error):
        return 1


def _table(picture: ImageFile.ImageFile) -> np.ndarray:
    """Return the colours of a palette, (N, 3) uint8, in whichever order the file has red, green and blue."""
    order = picture.palette.rawmode or picture.palette.mode
    content = np.frombuffer(bytes(picture.palette.palette), dtype=np.uint8)
    return content[: len(content) // len(order) * len(order)].reshape(-1, len(order))[
        :, [order.index(c) for c in "RGB"]
    ]


def _by_bands(picture: ImageFile.ImageFile) -> np.ndarray:
    """Return (Y, X) or (Y, X, 3) uint8; some rows at a time, because Pillow copies a picture for each step."""
    indexed, mode = picture.mode in _INDEXED_MODES, "L" if picture.mode in _GRAY_MODES else "RGB"
    width, height = picture.size
    pixels = np.empty((height, width) if indexed or mode == "L" else (height, width, 3), np.uint8)
    step = max(_BAND_PX // width, 1)
    for top in range(0, height, step):
        band = picture.crop((0, top, width, min(top + step, height)))
        if not indexed:
            band = band.convert(mode)
        pixels[top : top + step] = np.asarray(band if band.mode != "PA" else band.getchannel(0))
    return pixels


def _decode(path: Path, picture_format: str, name: str) -> np.ndarray:
    with _opened(path, picture_format) as picture:
        pixels = _by_bands(picture)
    if picture_format == "png":
        check_png(path, name)
    elif picture_format == "jpeg":
        check_jpeg(path, pixels, name)
    return pixels
