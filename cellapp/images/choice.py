"""Which images of a file are meant: scenes and time points by number, or all of them."""

from __future__ import annotations

from collections.abc import Sequence

from cellapp.errors import InputError
from cellapp.types.image import ImageInfo


def parse_number(text: str, what: str) -> int | None:
    """Read the number of a scene or time point as people count it.

    Parameters
    ----------
    text : str
        "all", or a number from 1.
    what : str
        What is counted, for the message: "scene".

    Returns
    -------
    int or None
        From 0; None for all.

    Raises
    ------
    InputError
        When it is anything else.
    """
    if text.strip().lower() == "all":
        return None
    if not text.strip().isdecimal() or int(text) < 1:
        raise InputError(f"a {what} is given by its number from 1, or all; got {text!r}")
    return int(text) - 1


def choose(images: Sequence[ImageInfo], scene: int | None = None, time: int | None = None) -> tuple[ImageInfo, ...]:
    """Choose images of a file.

    Parameters
    ----------
    images : sequence of ImageInfo
        Of `cellapp.images.probe.probe_all`.
    scene, time : int, optional
        From 0; every one when left out. A time point that only some scenes have leaves the others out.

    Returns
    -------
    tuple of ImageInfo
        At least one, in the order of the file.

    Raises
    ------
    InputError
        When there is no such image, with what there is.
    """
    of_scene = [info for info in images if scene in (None, info.selection.scene)]
    name = images[0].name
    if not of_scene:
        raise InputError(f"{name!r} has {_number(images[0].n_scenes, 'scene')}, no scene {_given(scene)}")
    chosen = tuple(info for info in of_scene if time in (None, info.selection.time))
    if not chosen:
        most = max(info.n_times for info in of_scene)
        raise InputError(f"{name!r} has {_number(most, 'time point')}, no time point {_given(time)}")
    return chosen


def _number(n: int, what: str) -> str:
    return f"{n} {what}s" if n > 1 else f"one {what}"


def _given(number: int | None) -> str:
    return f"{(number or 0) + 1}; they count from 1"
