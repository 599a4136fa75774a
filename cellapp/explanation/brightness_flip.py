"""The smallest change of a channel's brightness that gives a cell another class, found by asking the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.images.channel_names import channel_phrase

LARGEST = 8.0
"""Brightness is changed to at most so many times, and at least one in so many, of what it is."""
_STEPS = 6  # coarse steps each way, half an octave each
_ROUNDS = 5  # of halving the interval in which a flip lies: the factor is known to about one part in a hundred

CallsOf = Callable[[np.ndarray], tuple[Sequence[str], np.ndarray]]
"""Takes factors of brightness, (M, C), and returns M labels and the probabilities of the class explained, (M,)."""


@dataclass(frozen=True)
class Flip:
    """A change of one channel, or of all together, that gives a cell another class."""

    channel: str  # "all channels" for all together
    factor: float  # brightness afterwards in parts of what it is
    label: str  # class afterwards
    p: float  # probability of the class explained afterwards


@dataclass(frozen=True)
class FlipSearch:
    """What a search found: the smallest changes first, none where no change within the bounds flips the call."""

    label: str  # class of the cell as it is
    p: float  # probability of the class explained as it is
    flips: tuple[Flip, ...]
    largest: float = LARGEST
    n_calls: int = 0  # how often the model was asked


ALL = "all channels"


def search_flips(calls_of: CallsOf, channels: Sequence[str]) -> FlipSearch:
    """Find how much brighter or darker each channel must be for another call.

    For each channel, and for all together where there are several, brightness is changed in steps of half an octave up
    to `LARGEST` both ways; the first step that flips the call is then narrowed by halving. A flip between two steps
    that flips back before the next is not found.

    Parameters
    ----------
    calls_of : callable
        The real model, see `CallsOf`.
    channels : sequence of str
        C names.

    Returns
    -------
    FlipSearch
    """
    ways = [(name, np.arange(len(channels)) == at) for at, name in enumerate(channels)]
    ways += [(ALL, np.ones(len(channels), bool))] if len(channels) > 1 else []
    octaves = np.concatenate([[0.0], *(sign * np.arange(1, _STEPS + 1) / 2 for sign in (1, -1))])
    asked = np.concatenate([_factors(changed, octaves) for _, changed in ways])
    labels, p = calls_of(asked)
    n_calls, found = len(asked), []
    for number, (name, changed) in enumerate(ways):
        mine = slice(number * len(octaves), (number + 1) * len(octaves))
        flipped = np.array([label != labels[0] for label in labels[mine]])
        for sign in (1, -1):
            steps = np.flatnonzero(flipped & (np.sign(octaves) == sign))
            if len(steps):
                first = octaves[steps[np.abs(octaves[steps]).argmin()]]
                found.append(_narrowed(calls_of, labels[0], name, changed, first))
                n_calls += _ROUNDS
    found.sort(key=lambda flip: abs(np.log2(flip.factor)))
    return FlipSearch(str(labels[0]), float(p[0]), tuple(found), n_calls=n_calls)


def flip_sentence(search: FlipSearch, target: str) -> str:
    """Return what was found, in a sentence that gives the bounds where nothing was.

    Parameters
    ----------
    search : FlipSearch
    target : str
        Class whose probability is told.
    """
    if not search.flips:
        return (
            f"No change of brightness between 1/{search.largest:g} and {search.largest:g} times, of one channel or of "
            f"all together, takes the call {search.label} away."
        )
    first = search.flips[0]
    what = "all channels" if first.channel == ALL else channel_phrase(first.channel)
    return (
        f"The smallest change that flips the call: {what} {first.factor:.2f} times as bright makes it {first.label}, "
        f"p({target}) {search.p:.2f} becomes {first.p:.2f}."
    )


def _narrowed(calls_of: CallsOf, before: str, name: str, changed: np.ndarray, first: float) -> Flip:
    """Halve the half octave before the first step that flips."""
    kept, flipped = first - np.sign(first) / 2, first
    found: Flip | None = None
    for _ in range(_ROUNDS):
        middle = (kept + flipped) / 2
        labels, p = calls_of(_factors(changed, np.array([middle])))
        if labels[0] == before:
            kept = middle
        else:
            flipped, found = middle, Flip(name, float(2**middle), str(labels[0]), float(p[0]))
    if found is not None:
        return found
    labels, p = calls_of(_factors(changed, np.array([first])))
    return Flip(name, float(2**first), str(labels[0]), float(p[0]))


def _factors(changed: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    return np.where(changed[None], 2.0 ** octaves[:, None], 1.0)
