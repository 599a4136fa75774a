"""What a TIFF says about its channels: their names, and whether they are the colours of a photograph."""

from __future__ import annotations

import tifffile

from cellapp.images.formats.axes import Layout
from cellapp.images.formats.ome_xml import OmeImage

_GRAY = (0, 1)  # photometric interpretations: white is zero, black is zero


def stored_names(tif: tifffile.TiffFile, ome: OmeImage | None) -> list[str]:
    """Return the channel names as the file writes them; none, or another number than it has channels, says nothing."""
    names = [channel.name for channel in ome.channels] if ome else []
    if not names and tif.imagej_metadata:
        names = [str(label) for label in tif.imagej_metadata.get("Labels") or []]
    return names


def shows_photo(page: tifffile.TiffPage, layout: Layout, ome: OmeImage | None, n_channels: int) -> bool:
    """Return whether channels are the red, green and blue of a photograph.

    Parameters
    ----------
    page : tifffile.TiffPage
        The key frame of the image.
    layout : Layout
        Its axes.
    ome : OmeImage or None
    n_channels : int
        Once indexed colours are looked up and transparency is left out.

    Returns
    -------
    bool
        True for three samples of a pixel, unless the file calls each of them gray; three pages are three stains.
    """
    declared = int(page.photometric) not in _GRAY or (ome is not None and ome.is_photo)
    return n_channels == 3 and layout.size("C") == 1 and declared
