"""Which line of a layout an image belongs to: by its name, or by the well and plate that its name says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cellapp.errors import InputError
from cellapp.population.layout import Placed
from cellapp.population.wells import wells_in


@dataclass(frozen=True)
class ImageNames:
    """What may tell where an image was taken."""

    name: str  # that no other image has
    well_text: str  # where its well is looked for: its scene, else its name
    plate_texts: tuple[str, ...]  # where its plate is looked for: its name, the folder of its run


@dataclass(frozen=True)
class Placement:
    """Images in their wells, and what found no counterpart."""

    of_image: Mapping[str, Placed]  # name of the image -> its line
    unplaced: tuple[str, ...]  # images in no well of the layout
    empty: tuple[Placed, ...]  # lines without an image


def place(images: Sequence[ImageNames], layout: Sequence[Placed], named: Mapping[str, str]) -> Placement:
    """Find the line of each image.

    Parameters
    ----------
    images : sequence of ImageNames
    layout : sequence of Placed
    named : mapping of str to str
        Name in the layout -> name of the image that it means, for lines that name one.

    Raises
    ------
    InputError
        When the name of an image says several wells or plates of the layout, or the layout names an image twice.
    """
    of_image: dict[str, Placed] = {}
    for one in layout:
        if one.image in named and of_image.setdefault(named[one.image], one) != one:
            raise InputError(f"image {one.image!r} stands in two lines of the layout; keep one of them")
    by_well = [one for one in layout if not one.image]
    for image in images:
        if image.name not in of_image and (found := _by_well(image, by_well)):
            of_image[image.name] = found
    taken = set(map(id, of_image.values()))
    return Placement(
        of_image={image.name: of_image[image.name] for image in images if image.name in of_image},
        unplaced=tuple(image.name for image in images if image.name not in of_image),
        empty=tuple(one for one in layout if id(one) not in taken),
    )


def _by_well(image: ImageNames, layout: Sequence[Placed]) -> Placed | None:
    plates = _plates_of(image, list(dict.fromkeys(one.plate for one in layout)))
    wells = [well for well in wells_in(image.well_text) if any(one.well == well for one in layout)]
    if len(wells) > 1:
        names = " and ".join(well.name for well in wells)
        raise InputError(f"the name of {image.name!r} says wells {names}; name it in a column 'image' of the layout")
    return next((one for one in layout if wells and one.well == wells[0] and one.plate in plates), None)


def _plates_of(image: ImageNames, plates: Sequence[str]) -> list[str]:
    """Return the plate of an image; the only one needs no name. Raises InputError when it may be on several."""
    if len(plates) < 2:
        return list(plates)
    found = [plate for plate in plates if any(_says(text, plate) for text in image.plate_texts)]
    if len(found) > 1:
        raise InputError(
            f"{image.name!r} may be of the plates {', '.join(found)}; name it in a column 'image' of the layout"
        )
    return found


def _says(text: str, plate: str) -> bool:
    return bool(plate) and bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(plate)}(?![A-Za-z0-9])", text, re.IGNORECASE))
