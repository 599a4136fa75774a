"""The colours that dyes are known by, readable on black."""

from __future__ import annotations

PHOTO_COLOURS = ("#FF0000", "#00FF00", "#0000FF")
_DYE_COLOURS = {
    # Not the pure blue of the dye's peak: the eye hardly sees that on black.
    "#4D79FF": ("dapi", "hoechst", "405", "blue", "bfp"),
    "#00D26A": ("gfp", "fitc", "488", "green"),
    "#FF9A3D": ("orange", "tritc", "cy3", "555", "561"),
    "#FF4D4D": ("mcherry", "rfp", "texas", "594", "568", "red"),
    "#FF5CE1": ("cy5", "647", "640", "far red", "magenta"),
    "#40E0E0": ("cfp", "cyan"),
    "#FFE14D": ("yfp", "yellow"),
    "#FFFFFF": ("gray", "grey", "bright", "phase", "dic", "trans"),
}


def dye_colour(name: str) -> str | None:
    """Return the colour of the dye or wavelength in a channel's name.

    Parameters
    ----------
    name : str
        "Alexa 488", "DAPI (nuclei)" and the like.

    Returns
    -------
    str or None
        "#RRGGBB"; None when no known dye is named.
    """
    lowered = name.lower()
    # "far red" before "red": the longest word that fits speaks.
    fitting = [(len(word), colour) for colour, words in _DYE_COLOURS.items() for word in words if word in lowered]
    return max(fitting)[1] if fitting else None
