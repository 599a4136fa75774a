"""Names and roles of channels: parsed from text, guessed from names, applied to a slide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cellapp.errors import InputError
from cellapp.images.channel_names import check_names, default_names
from cellapp.images.role_words import check_role_words, guess_role, role_of
from cellapp.images.settings_fit import check_settings
from cellapp.settings import AnalyseSettings
from cellapp.types.image import ImageInfo, Role, Slide


def parse_channels(text: str) -> dict[str, int]:
    """Read a channel assignment such as "nucleus=3, cytoplasm=2, orange=4".

    Parameters
    ----------
    text : str
        Comma-separated ``name=number``; numbers count from 1. A name that is no role becomes the channel's name.

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
    check_channels(channels)
    return channels


def check_channels(channels: Mapping[str, int]) -> None:
    """Check an assignment as far as that needs no image.

    Raises
    ------
    InputError
        When a number is given twice, or a name is nearly a role.
    """
    numbers = list(channels.values())
    repeated = {number for number in numbers if numbers.count(number) > 1}
    if repeated:
        names = ", ".join(repr(name) for name, number in channels.items() if number in repeated)
        raise InputError(f"{names} name the same channel {min(repeated)}; give each channel once")
    check_role_words(channels)


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
        As given, a new name speaking for its own role ("dapi"); where no role is given at all, those the image
        declares, else guessed from the names. The colours of a photograph are no dyes: their role is to be colours
        unless one of them is given a role, or a name that has one.

    Raises
    ------
    InputError
        For a channel number that the image does not have, one given twice, two equal names, or a name that is nearly a
        role.
    """
    check_channels(channels)
    _check_numbers(info, channels)
    n_channels, names = info.shape[0], list(info.channels)
    unnamed = default_names(n_channels, is_photo=bool(info.is_photo))
    for name, number in channels.items():
        if role_of(name) is None or names[number - 1] == unnamed[number - 1]:
            names[number - 1] = name
    return check_names(names, n_channels), _roles(info, names, channels)


def _roles(info: ImageInfo, names: Sequence[str], channels: Mapping[str, int]) -> tuple[Role, ...]:
    said = {number - 1: guess_role(name) for name, number in channels.items()}
    if any(role_of(name) for name in channels):
        return tuple(said.get(i, Role.OTHER) for i in range(len(names)))
    if info.roles:
        return info.roles
    if info.is_photo and all(role is Role.OTHER for role in said.values()):
        return (Role.COLOUR,) * len(names)
    return tuple(guess_role(name) for name in names)


def _check_numbers(info: ImageInfo, channels: Mapping[str, int]) -> None:
    for name, number in channels.items():
        if not 1 <= number <= info.shape[0]:
            listed = ", ".join(f"{i + 1} {channel}" for i, channel in enumerate(info.channels))
            raise InputError(f"{info.name!r} has no channel {number} for {name!r}; it has {listed}")


def is_photo(roles: Sequence[Role]) -> bool:
    """Return whether channels are the red, green and blue of a photograph."""
    return len(roles) == 3 and all(role is Role.COLOUR for role in roles)


def stored_roles(info: ImageInfo, roles: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles that a file or database holds; version 0.1.0 wrote "other" for the colours of a photograph."""
    known = tuple(Role(role) for role in roles)
    return (Role.COLOUR,) * 3 if info.is_photo and known == (Role.OTHER,) * 3 else known


def unknown_roles(names: Sequence[str], roles: Sequence[Role]) -> str:
    """Say that nobody knows what the channels show, and how to state it.

    Parameters
    ----------
    names : sequence of str
    roles : sequence of Role

    Returns
    -------
    str
        A sentence; empty where a role is known, for one channel alone and for a photograph.
    """
    if len(roles) < 2 or any(role is not Role.OTHER for role in roles):
        return ""
    listed = ", ".join(f"{i + 1} {name}" for i, name in enumerate(names))
    return (
        f"What its {len(roles)} channels show is not known ({listed}), so that cells are looked for in their mean; "
        'say which shows nuclei and which whole cells, such as "nucleus=3, cytoplasm=2".'
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
    """Apply the user's channel names, roles and pixel size to a slide, and check that the settings fit it.

    Returns
    -------
    slide : Slide
        With channel names as declared.
    roles : tuple of Role
    um_per_px : float or None
        Typed in, else from the file, else unknown.

    Raises
    ------
    InputError
        For channels that `assign_channels` refuses, and numbers that `cellapp.images.settings_fit` does.
    """
    names, roles = assign_channels(slide.info, settings.channels)
    um_per_px = settings.um_per_px or slide.info.um_per_px
    check_settings(slide.info, settings, um_per_px)
    named = with_names(slide, names)
    return replace(named, info=replace(named.info, um_per_px=um_per_px)), roles, um_per_px
