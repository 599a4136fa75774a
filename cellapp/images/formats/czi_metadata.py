"""What the XML text of a CZI file says: names, scale, time. Whatever cannot be read is unknown and refuses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cellapp.images.formats.pixel_size import mean_um, to_number, to_um

_IMAGE = "Metadata/Information/Image"


@dataclass(frozen=True)
class CziMetadata:
    """Text and numbers of one file; empty or None where it does not say."""

    channels: tuple[str, ...] = ()  # in the order of their numbers
    scenes: tuple[tuple[int, str], ...] = ()  # number and name
    um_per_px: float | None = None
    interval_s: float | None = None  # between time points
    bits: int | None = None  # that carry values in the channel with the most

    def scene(self, number: int | None) -> str:
        """Name of a scene."""
        return dict(self.scenes).get(number or 0, "")


def parse_metadata(xml: str) -> CziMetadata:
    """Read the metadata of a CZI file.

    Parameters
    ----------
    xml : str
        The text, "<ImageDocument>...".

    Returns
    -------
    CziMetadata
        Empty when the text is damaged or declares entities, which CZI never does.
    """
    if "<!DOCTYPE" in xml:  # the only place where entities can be declared
        return CziMetadata()
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 no document type, so no entities; expat loads nothing
    except ElementTree.ParseError:
        return CziMetadata()
    scale = {
        item.get("Id"): to_um(item.findtext("Value"), "m") for item in root.iterfind("Metadata/Scaling/Items/Distance")
    }
    return CziMetadata(
        channels=_channels(root),
        scenes=tuple(_scenes(root)),
        um_per_px=mean_um(scale.get("Y"), scale.get("X")),
        interval_s=to_number(root.findtext(f"{_IMAGE}/Dimensions/T/Positions/Interval/Increment")) or None,
        bits=int(max((to_number(each.text) or 0 for each in root.iterfind(f"{_IMAGE}//ComponentBitCount")), default=0))
        or None,
    )


def _channels(root: Element) -> tuple[str, ...]:
    """Return the names of the channels: ZEN writes them into one of two places, or into both."""
    names = [_name(channel, "Fluor") for channel in root.iterfind(f"{_IMAGE}/Dimensions/Channels/Channel")]
    shown = [
        _name(channel, "ShortName", "DyeName") for channel in root.iterfind("Metadata/DisplaySetting/Channels/Channel")
    ]
    if not names or (not any(names) and len(shown) == len(names)):
        return tuple(shown)
    return tuple(names)


def _name(channel: Element, *otherwise: str) -> str:
    texts = (channel.get("Name"), *(channel.findtext(tag) for tag in ("Name", *otherwise)))
    return next((text.strip() for text in texts if text and text.strip()), "")


def _scenes(root: Element) -> list[tuple[int, str]]:
    found = []
    for at, scene in enumerate(root.iterfind(f"{_IMAGE}/Dimensions/S/Scenes/Scene")):
        number, shape = scene.get("Index", ""), scene.find("Shape")
        well = shape.get("Name", "") if shape is not None else ""
        parts = dict.fromkeys(part.strip() for part in (well, scene.get("Name", "")) if part.strip())
        found.append((int(number) if number.isdecimal() else at, " ".join(parts)))
    return found
