"""The index of an Operetta, Opera Phenix or Sonata measurement: which file holds which field, plane, channel and time.

Harmony and Signals write ``Index.idx.xml`` (some versions ``Index.xml``) beside the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cellapp.errors import InputError
from cellapp.images.formats.faults import fault
from cellapp.images.formats.pixel_size import mean_um, to_number, to_um
from cellapp.images.formats.sniff import HEAD_BYTES, sniff

_NAMES = ("Index.idx.xml", "Index.xml")
_MOST_BYTES = 2**30  # a plate of 384 wells, 25 fields, 5 channels and 10 planes has 480,000 pictures


@dataclass(frozen=True)
class Picture:
    """One file of a measurement: one plane of one channel of one field at one time."""

    file_name: str
    place: tuple[int, int, int]  # row, column and field, from 1
    time: int
    channel: int
    plane: int
    channel_name: str = ""
    height: int = 0  # pixels
    width: int = 0
    um_per_px: float | None = None
    seconds: float | None = None  # since the measurement began

    @property
    def field(self) -> str:
        """Name of the field as the files of a measurement have it, "r03c03f01"."""
        row, column, field = self.place
        return f"r{row:02}c{column:02}f{field:02}"


def find_index(path: Path) -> Path | None:
    """Return the index of a measurement, given its folder, the folder above, or the index; None where there is none."""
    if path.is_file():
        return path
    candidates = (folder / name for folder in (path, path / "Images") for name in _NAMES)
    return next((candidate for candidate in candidates if candidate.is_file() and _is_index(candidate)), None)


def read_index(path: Path, name: str) -> list[Picture]:
    """Read the index of a measurement.

    Parameters
    ----------
    path : Path
        Of `find_index`.
    name : str
        Name for messages.

    Returns
    -------
    list of Picture
        In the order of the file.

    Raises
    ------
    InputError
        When it is damaged, too large or lists nothing.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{name!r} has an index of {path.stat().st_size:,} bytes; at most {_MOST_BYTES:,} are read")
    content = path.read_bytes()
    if b"<!DOCTYPE" in content:  # the only place where entities can be declared
        raise InputError(f"{name!r} has an index with a document type, which is not read; export it again")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 no document type, so no entities
    except ElementTree.ParseError as error:
        raise InputError(f"{name!r} has an index that is damaged ({fault(error)}); copy or export it again") from error
    shared = {entry.get("ChannelID", ""): _values(entry) for entry in _all(root, "Entry")}
    pictures = [_picture(values, shared.get(_text(values, "ChannelID"), {})) for values in map(_values, _images(root))]
    if not pictures:
        raise InputError(f"{name!r} has an index without pictures; export the measurement again")
    return pictures


def _is_index(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)) == "harmony"


def _images(root: Element) -> Iterator[Element]:
    """Yield the elements that describe pictures; wells refer to them by elements of the same name."""
    return (node for images in _all(root, "Images") for node in images if _tag(node) == "Image")


def _picture(own: dict[str, Element], of_channel: dict[str, Element]) -> Picture:
    values = {**of_channel, **own}  # newer versions state once per channel what older ones repeat in each picture
    um = {axis: _um(values.get(f"ImageResolution{axis}")) for axis in "YX"}
    return Picture(
        file_name=_text(values, "URL"),
        place=(_count(values, "Row"), _count(values, "Col"), _count(values, "FieldID")),
        time=_count(values, "TimepointID"),
        channel=_count(values, "ChannelID"),
        plane=_count(values, "PlaneID"),
        channel_name=_text(values, "ChannelName"),
        height=_count(values, "ImageSizeY"),
        width=_count(values, "ImageSizeX"),
        um_per_px=mean_um(um["Y"], um["X"]),
        seconds=to_number(_text(values, "MeasurementTimeOffset") or None),
    )


def _um(node: Element | None) -> float | None:
    return None if node is None else to_um(node.text, node.get("Unit", "m"))


def _count(values: dict[str, Element], tag: str) -> int:
    value = to_number(_text(values, tag) or None)
    return 0 if value is None else int(value)


def _text(values: dict[str, Element], tag: str) -> str:
    return (values[tag].text or "").strip() if tag in values else ""


def _values(node: Element) -> dict[str, Element]:
    return {_tag(child): child for child in node}


def _all(root: Element, tag: str) -> Iterator[Element]:
    return (node for node in root.iter() if _tag(node) == tag)


def _tag(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]  # without the namespace, which names the version
