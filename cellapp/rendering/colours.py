"""Colours of classes, signed maps, dyes and channels, the same in pages, overlays, charts and exports.

Classes have the colours of Okabe and Ito, which colour-blind readers tell apart on white; channels have bright ones,
which are readable on black.
"""

from __future__ import annotations

from collections.abc import Sequence

from cellapp.images.channels import is_photo
from cellapp.types.image import Role

CLASS_COLOURS = {
    "cancer": "#D55E00",
    "normal": "#0072B2",
    "unsure": "#8A8A8A",
    "rejected": "#C8C8C8",
    "cell": "#E69F00",
    "unlike training": "#B89AC8",
}

FURTHER_COLOURS = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A68D8", "#9A6B4F", "#F0E442")
"""Yellow comes last: points of it are hardly seen on white."""
CLUSTER_COLOURS = ("#7A68D8", "#1B9E9E", "#B8920B", "#CC79A7", "#3C9D4E", "#9A6B4F", "#56B4E9", "#B2489B", "#87912D")
"""Groups that nobody has named yet: readable on white and on black, and none is the colour of cancer or normal."""
DIVERGING = ((0.0, "#0072B2"), (0.5, "#FFFFFF"), (1.0, "#D55E00"))
"""Signed maps, from -limit to limit: blue is evidence against the class, white none, vermillion evidence for it."""


def class_colour(name: str, classes: tuple[str, ...] = ()) -> str:
    """Return the hexadecimal colour of a class.

    Parameters
    ----------
    name : str
        A class, or one of "unsure", "unlike training", "rejected", "cell" (no head).
    classes : tuple of str
        All classes there are, in any order, so that those without a fixed colour always get the same further one.
    """
    if name in CLASS_COLOURS:
        return CLASS_COLOURS[name]
    return FURTHER_COLOURS[(further_place(name, classes) or 0) % len(FURTHER_COLOURS)]


def further_place(name: str, classes: Sequence[str]) -> int | None:
    """Return which of the classes without a fixed colour one is, by their names; None for one that is not of these.

    People order classes by key, heads by name, and tables put the positive one first: none of it may change a colour,
    a pattern or a sign. A class added later moves those after it by name. To keep the order of creation every project,
    head, run.json and export would have to hold it, because each is read without the others; a hash of the name would
    still move one class in ten, and give classes yellow and pairs of like colours where the first of the list are free.
    """
    others = sorted({one for one in classes if one not in CLASS_COLOURS})
    return others.index(name) if name in others else None


def cluster_colour(cluster: int) -> str:
    """Return the hexadecimal colour of a cluster, numbered from 0; that of unsure cells for -1, which is in none."""
    return CLUSTER_COLOURS[cluster % len(CLUSTER_COLOURS)] if cluster >= 0 else CLASS_COLOURS["unsure"]


def rgb(colour: str) -> tuple[int, int, int]:
    """Split "#RRGGBB" into three numbers, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


PHOTO_COLOURS = ("#FF0000", "#00FF00", "#0000FF")
# Bright enough to be readable on black; pure blue, the colour of DAPI's peak, is hardly visible there.
_BLUE, _GREEN, _ORANGE, _RED = "#4D79FF", "#00D26A", "#FF9A3D", "#FF4D4D"
_MAGENTA, _CYAN, _YELLOW, _WHITE = "#FF5CE1", "#40E0E0", "#FFE14D", "#FFFFFF"

_DYE_COLOURS = {
    _BLUE: ("dapi", "hoechst", "405", "blue", "bfp"),
    _GREEN: ("gfp", "fitc", "488", "green"),
    _ORANGE: ("orange", "tritc", "cy3", "555", "561"),
    _RED: ("mcherry", "rfp", "texas", "594", "568", "red"),
    _MAGENTA: ("cy5", "647", "640", "far red", "magenta"),
    _CYAN: ("cfp", "cyan"),
    _YELLOW: ("yfp", "yellow"),
    _WHITE: ("gray", "grey", "bright", "phase", "dic", "trans"),
}


_ROLE_COLOURS = {Role.NUCLEUS: _BLUE, Role.CYTOPLASM: _GREEN}
_CHANNEL_COLOURS = (_ORANGE, _MAGENTA, _YELLOW, _CYAN, _RED, _WHITE, _GREEN, _BLUE)


def channel_colours(names: Sequence[str], roles: Sequence[Role]) -> tuple[str, ...]:
    """Choose a colour for each channel: by its dye's name, else by what it shows, else one not taken yet.

    Parameters
    ----------
    names : sequence of str
        Channel names.
    roles : sequence of Role
        What each shows.

    Returns
    -------
    tuple of str
        "#RRGGBB" each, readable on black. The channels of a photo keep pure red, green and blue, a single one is white.
    """
    if is_photo(roles):
        return PHOTO_COLOURS
    if len(names) == 1:
        return (_WHITE,)
    chosen: list[str | None] = []
    for name, role in zip(names, roles, strict=True):
        preferred = dye_colour(name) or _ROLE_COLOURS.get(role)
        chosen.append(preferred if preferred not in chosen else None)
    free = iter([colour for colour in _CHANNEL_COLOURS if colour not in chosen] + list(_CHANNEL_COLOURS) * len(names))
    return tuple(colour or next(free) for colour in chosen)


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
    # The longest match, so that "far red" is not "red".
    matches = [(len(word), colour) for colour, words in _DYE_COLOURS.items() for word in words if word in lowered]
    return max(matches)[1] if matches else None
