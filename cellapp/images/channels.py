"""Names and roles of channels: parsed from text, guessed from names, applied to a slide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from cellapp.errors import InputError
from cellapp.images.channel_names import PHOTO_CHANNELS, check_names, default_names
from cellapp.settings import AnalyseSettings
from cellapp.types.image import ImageInfo, Role, Slide

_ROLE_WORDS = {
    Role.NUCLEUS: ("dapi", "hoechst", "nucle", "h2b", "draq", "sytox", "blue"),
    Role.CYTOPLASM: ("cyto", "actin", "phalloidin", "tubulin", "membrane", "gfp", "green", "wga", "cellmask"),
}

_NEAR = 0.8  # share of letters in common from which on a name is a slip of the pen for a role
_NO_SLIPS = {"nucleolus", "ectoplasm", "mother", "outer"}  # near a role, and words of their own


def parse_channels(text: str) -> dict[str, int]:
    """Read a channel assignment such as "nucleus=3, cytoplasm=2, orange=4".

    Parameters
    ----------
    text : str
        Comma-separated ``name=number``; numbers count from 1. A name that is no `Role` becomes the channel's name.

    Returns
    -------
    dict of str to int
        In the order given; empty for empty text.

    Raises
    ------
    InputError
        For anything that is not ``name=number``, for a name or number given twice, and for a name that is nearly a role
        ("nukleus").
    """
    channels: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if not name or not number.isdecimal() or int(number) < 1:
            raise InputError(f'channels are written "nucleus=3, cytoplasm=2", counted from 1; got {part!r}')
        if name in channels:
            raise InputError(f"channel name {name!r} is given twice in {text!r}; give each name once")
        channels[name] = int(number)
    _check_distinct(channels)
    _check_roles(channels)
    return channels


def assign_channels(info: ImageInfo, channels: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[Role, ...]]:
    """Decide the name and the role of each channel.

    Parameters
    ----------
    info : ImageInfo
        The image.
    channels : mapping of str to int
        Role or new name -> channel number from 1; empty to guess by name.

    Returns
    -------
    names : tuple of str
        The file's names, new ones where given. A channel the file does not name ("channel 2", "blue") takes the name of
        the role it is given.
    roles : tuple of Role
        As given; where no role is given at all, those the image declares, else guessed from the names. The colours of a
        photo are no dyes: unless given, they have no role.

    Raises
    ------
    InputError
        For a channel number that the image does not have, one given twice, two equal names, or a name that is nearly a
        role.
    """
    n_channels = info.shape[0]
    _check_distinct(channels)
    _check_roles(channels)
    names, given = list(info.channels), {}
    unnamed = default_names(n_channels)
    for name, number in channels.items():
        if not 1 <= number <= n_channels:
            listed = ", ".join(f"{i + 1} {channel}" for i, channel in enumerate(info.channels))
            raise InputError(f"{info.name!r} has no channel {number} for {name!r}; it has {listed}")
        role = _role(name)
        if role is not None:
            given[number - 1] = role
        if role is None or names[number - 1] == unnamed[number - 1]:
            names[number - 1] = name
    final = check_names(names, n_channels)
    if given:
        return final, tuple(given.get(i, Role.OTHER) for i in range(n_channels))
    return final, info.roles or _guess_roles(final)


def _check_distinct(channels: Mapping[str, int]) -> None:
    numbers = list(channels.values())
    repeated = {number for number in numbers if numbers.count(number) > 1}
    if repeated:
        names = ", ".join(repr(name) for name, number in channels.items() if number in repeated)
        raise InputError(f"{names} name the same channel {min(repeated)}; give each channel once")


def _check_roles(names: Iterable[str]) -> None:
    """Refuse what is nearly a role: as a mere name of a channel it would leave the role to nobody, silently."""
    for name in names:
        word = name.lower()
        near = next(iter(get_close_matches(word, [role.value for role in Role], 1, _NEAR)), "")
        holds_it = re.search(rf"(?<![a-z]){near}(?![a-z])", word)  # the role itself, "nucleus 2"
        if near and not holds_it and word not in _NO_SLIPS:
            raise InputError(
                f"no role {name!r}; the nearest is {near!r}. Roles are {', '.join(Role)}; other words name a channel"
            )


def _role(name: str) -> Role | None:
    return Role(name.lower()) if name.lower() in set(Role) else None


def _guess_roles(names: Sequence[str]) -> tuple[Role, ...]:
    if tuple(names) == PHOTO_CHANNELS:
        return (Role.OTHER,) * len(names)
    return tuple(
        next((role for role, words in _ROLE_WORDS.items() if any(word in name.lower() for word in words)), Role.OTHER)
        for name in names
    )


def with_names(slide: Slide, names: Sequence[str]) -> Slide:
    """Return the same slide with other channel names.

    Raises
    ------
    InputError
        When they are not one per channel, empty, or not distinct.
    """
    return replace(slide, info=replace(slide.info, channels=check_names(names, slide.info.shape[0])))


def describe_slide(slide: Slide, settings: AnalyseSettings) -> tuple[Slide, tuple[Role, ...], float | None]:
    """Apply the user's channel names, roles and pixel size to a slide.

    Returns
    -------
    slide : Slide
        With channel names as declared.
    roles : tuple of Role
    um_per_px : float or None
        Typed in, else from the file, else unknown.
    """
    names, roles = assign_channels(slide.info, settings.channels)
    um_per_px = settings.um_per_px or slide.info.um_per_px
    named = with_names(slide, names)
    return replace(named, info=replace(named.info, um_per_px=um_per_px)), roles, um_per_px
