"""OME-XML, the metadata of OME-TIFF, companion files and bioformats2raw: text stays text, and no number refuses a file.

Read by the standard library's ElementTree, because readers that guess types turn the names "405,450", "0405", "1e3" and
"false" into a tuple, numbers and a truth value. The model is that of the schemas of 2003 to 2016-06
(https://www.openmicroscopy.org/Schemas/Documentation/Generated/OME-2016-06/ome.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cellapp.errors import InputError
from cellapp.images.formats.faults import fault
from cellapp.images.formats.pixel_size import mean_um, to_number, to_um
from cellapp.images.formats.xml_nesting import check_nesting

MOST_CHARACTERS = 2**26
"""Longer texts are not parsed: a whole plate of images is described in less."""

_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class OmeChannel:
    """A channel as the file writes it; `name` is empty where it has none."""

    name: str = ""
    samples: int = 1  # per pixel: 3 is red, green and blue


@dataclass(frozen=True)
class OmeBlock:
    """Where some planes of an image are: `n_planes` (None: all that follow) from `first` on, from a page of a file."""

    first: tuple[int, int, int] = (0, 0, 0)  # (C, Z, T)
    page: int = 0
    n_planes: int | None = None
    file_name: str = ""  # empty: the file that holds the text
    uuid: str = ""


@dataclass(frozen=True)
class OmeImage:
    """One image of a file: its size, channels and scale."""

    identity: str = ""  # "Image:0"
    name: str = ""
    order: str = "XYCZT"  # fastest first
    dtype: str = ""  # OME's word, "uint16", "float"
    size: tuple[int, int, int, int, int] = (1, 1, 1, 0, 0)  # (T, C, Z, Y, X); samples count as channels
    channels: tuple[OmeChannel, ...] = ()
    y_um: float | None = None  # height and width of a pixel, um
    x_um: float | None = None
    interval_s: float | None = None  # between time points
    significant_bits: int | None = None
    stage_label: str = ""
    well: str = ""  # "B03", where a plate holds the image
    blocks: tuple[OmeBlock, ...] = ()

    @property
    def um_per_px(self) -> float | None:
        """Side of a square pixel of equal area, um; None where the text does not say."""
        return mean_um(self.y_um, self.x_um)

    @property
    def is_photo(self) -> bool:
        """Whether the text declares red, green and blue: one channel of three samples, or of four with alpha."""
        return len(self.channels) == 1 and self.channels[0].samples in (3, 4)

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of other files, or of this one, that hold planes; each once, in order."""
        return tuple(dict.fromkeys(block.file_name for block in self.blocks if block.file_name))


@dataclass(frozen=True)
class Ome:
    """What an OME-XML text says."""

    images: tuple[OmeImage, ...] = ()
    uuid: str = ""  # of the file the text is in
    metadata_file: str = ""  # companion file that has the text proper


def parse_ome(text: str, name: str) -> Ome:
    """Read an OME-XML text.

    Parameters
    ----------
    text : str
        Of any schema; with a declaration of its encoding or without.
    name : str
        Name of the file for messages.

    Returns
    -------
    Ome
        Values that cannot be read are left at their defaults.

    Raises
    ------
    InputError
        When the text is too long, no XML, no OME-XML, or declares entities, which OME-XML never does.
    """
    root = _root(text.strip("\ufeff\0 \t\r\n"), name)
    wells = dict(_wells(root))
    images = tuple(_image(node, wells) for node in _children(root, "Image"))
    binary = next(_children(root, "BinaryOnly"), Element(""))
    return Ome(images, root.get("UUID", ""), binary.get("MetadataFile", ""))


def _root(text: str, name: str) -> Element:
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{name!r} has {len(text):,} characters of OME-XML; at most {MOST_CHARACTERS:,} are read")
    check_nesting(text, name)
    if "<!DOCTYPE" in text:  # the only place where entities can be declared
        raise InputError(f"{name!r} has OME-XML with a document type, which is not read; export it again")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 no document type, so no entities; expat loads nothing
    except ElementTree.ParseError as error:
        raise InputError(f"{name!r} has OME-XML that is damaged ({fault(error)}); copy or export it again") from error
    if _tag(root) != "OME":
        raise InputError(f"{name!r} has XML metadata that are no OME-XML but {_tag(root)!r}; export it again")
    return root


def _image(node: Element, wells: dict[str, str]) -> OmeImage:
    pixels = next(_children(node, "Pixels"), Element(""))
    label = next(_children(node, "StageLabel"), Element(""))
    return OmeImage(
        identity=node.get("ID", ""),
        name=node.get("Name", ""),
        order=pixels.get("DimensionOrder", "XYCZT"),
        dtype=pixels.get("Type", ""),
        size=tuple(_count(pixels, f"Size{axis}", 0 if axis in "YX" else 1) for axis in "TCZYX"),
        channels=tuple(_channels(node, pixels)),
        y_um=_um(pixels, "Y"),
        x_um=_um(pixels, "X"),
        interval_s=_interval_s(pixels),
        significant_bits=_count(pixels, "SignificantBits", 0) or None,
        stage_label=label.get("Name", ""),
        well=wells.get(node.get("ID", ""), ""),
        blocks=tuple(_block(each) for each in _children(pixels, "TiffData")),
    )


def _um(pixels: Element, axis: str) -> float | None:
    return to_um(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))


def _channels(image: Element, pixels: Element) -> Iterator[OmeChannel]:
    # Before the schema of 2011 a channel was a "LogicalChannel" of the image.
    for node in list(_children(pixels, "Channel")) or _children(image, "LogicalChannel"):
        yield OmeChannel(node.get("Name", ""), _count(node, "SamplesPerPixel", 1))


def _block(node: Element) -> OmeBlock:
    uuid = next(_children(node, "UUID"), Element(""))
    first = tuple(_count(node, f"First{axis}", 0) for axis in "CZT")
    n_planes = _count(node, "PlaneCount", -1)
    # Without a count, a page that is named is one plane; without either, the block is all pages.
    n_planes = n_planes if n_planes >= 0 else 1 if "IFD" in node.attrib else None
    return OmeBlock(first, _count(node, "IFD", 0), n_planes, uuid.get("FileName", ""), (uuid.text or "").strip())


def _interval_s(pixels: Element) -> float | None:
    """Return the declared time between images, else the median of those that were measured."""
    declared = to_number(pixels.get("TimeIncrement"))
    if declared:
        return declared * _SECONDS.get(pixels.get("TimeIncrementUnit", "s"), 1.0)
    first = (node for node in _children(pixels, "Plane") if node.get("TheC") == node.get("TheZ") == "0")
    times = {_count(node, "TheT", 0): _seconds(node) for node in first}
    seconds = [times[t] for t in sorted(times) if times[t] is not None]
    steps = [after - before for before, after in pairwise(seconds)]
    return median(steps) if steps and median(steps) > 0 else None


def _seconds(plane: Element) -> float | None:
    value = to_number(plane.get("DeltaT"))
    return None if value is None else value * _SECONDS.get(plane.get("DeltaTUnit", "s"), 1.0)


def _wells(root: Element) -> Iterator[tuple[str, str]]:
    for plate in _children(root, "Plate"):
        for well in _children(plate, "Well"):
            row, column = _count(well, "Row", 0), _count(well, "Column", 0)
            name = f"{'A' if row > 25 else ''}{chr(65 + row % 26)}{column + 1:02d}"
            for sample in _children(well, "WellSample"):
                yield from ((ref.get("ID", ""), name) for ref in _children(sample, "ImageRef"))


def _children(node: Element, tag: str) -> Iterator[Element]:
    return (child for child in node if _tag(child) == tag)


def _tag(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]  # without the namespace, which names the year of the schema


def _count(node: Element, key: str, default: int) -> int:
    value = to_number(node.get(key))
    return default if value is None or value < 0 or value != int(value) else int(value)
