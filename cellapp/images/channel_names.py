"""Channel names: those of a file, cleaned; default names where it has none; names typed by a user, checked."""

from __future__ import annotations

from collections.abc import Sequence

from cellapp.errors import InputError
from cellapp.types.image import PHOTO_CHANNELS


def default_names(n_channels: int, *, is_photo: bool = False) -> tuple[str, ...]:
    """Return names for the channels of a file that has none.

    Parameters
    ----------
    n_channels : int
        How many.
    is_photo : bool
        Whether they are the red, green and blue of a photograph.

    Returns
    -------
    tuple of str
        "red", "green", "blue" for a photograph, "gray" for one channel, else "channel 1" and so on: three channels are
        three stains unless the file says otherwise.
    """
    if is_photo:
        return PHOTO_CHANNELS
    return ("gray",) if n_channels == 1 else tuple(f"channel {i + 1}" for i in range(n_channels))


def channel_phrase(name: str) -> str:
    """Return a channel as it is written within a sentence.

    Parameters
    ----------
    name : str
        See `clean_names`.

    Returns
    -------
    str
        "the channel actin"; "channel 1" as it is, because the name that a channel without one is given says so already.
    """
    return name if name.lower().startswith("channel") else f"the channel {name}"


def clean_names(stored: Sequence[str | None], n_channels: int, *, is_photo: bool = False) -> tuple[str, ...]:
    """Return one distinct, printable name per channel.

    Parameters
    ----------
    stored : sequence of str or None
        Names in the file, in order; a list of another length than `n_channels` is ignored.
    n_channels : int
        How many channels there are.
    is_photo : bool
        See `default_names`.

    Returns
    -------
    tuple of str
        White space runs become one space, control characters go, a name that occurs before gets a number.
    """
    fallback = default_names(n_channels, is_photo=is_photo)
    if len(stored) != n_channels or not any(stored):
        return fallback
    names: list[str] = []
    for i, given in enumerate(stored):
        base = " ".join("".join(c if c.isprintable() else " " for c in str(given or "")).split()) or f"channel {i + 1}"
        name, n_same = base, 1
        while name in names:
            n_same += 1
            name = f"{base} {n_same}"
        names.append(name)
    return tuple(names)


def check_names(names: Sequence[str], n_channels: int) -> tuple[str, ...]:
    """Check names that a user typed; white space is normalised.

    Raises
    ------
    InputError
        When they are not one per channel, one is empty, or two are equal.
    """
    cleaned = tuple(" ".join(name.split()) for name in names)
    if len(cleaned) != n_channels:
        raise InputError(f"{n_channels} channels need {n_channels} names; got {len(cleaned)}: {', '.join(cleaned)}")
    if "" in cleaned:
        raise InputError(f"channel {cleaned.index('') + 1} has no name; give it one")
    repeated = sorted({name for name in cleaned if cleaned.count(name) > 1})
    if repeated:
        raise InputError(f"channel names must differ; {', '.join(map(repr, repeated))} occurs more than once")
    return cleaned


def with_colours(names: Sequence[str], n_colours: int) -> list[str]:
    """Name the colours of several channels, each of which is a photograph.

    Parameters
    ----------
    names : sequence of str
        One per channel.
    n_colours : int
        How many samples of a pixel are read of each; other numbers than three have no names of their own.

    Returns
    -------
    list of str
        "H&E red", "H&E green", "H&E blue", "DAPI red" and so on; `names` for a single channel.
    """
    if n_colours != len(PHOTO_CHANNELS) or len(names) < 2:
        return list(names)
    return [f"{name} {colour}" for name in names for colour in PHOTO_CHANNELS]
