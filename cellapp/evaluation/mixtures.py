"""Fields of known mixtures of classes: how they are written, what a head is to say of them, and how far it is off."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cellapp.errors import InputError

_PARTS = re.compile(r"\d+(\.\d+)?(:\d+(\.\d+)?)+")


def parse_mixture(label: str) -> dict[str, float] | None:
    """Read a label such as "cancer:normal=1:2", one third of the first class and two thirds of the second.

    Classes stand before the last "=", numbers behind it, both parted by colons.

    Parameters
    ----------
    label : str

    Returns
    -------
    dict of str to float, or None
        Class -> share, sum 1; None for the name of a class.

    Raises
    ------
    InputError
        When a class comes twice, there are not as many numbers as classes, or all numbers are 0.
    """
    names, sign, text = label.rpartition("=")
    if not sign or not _PARTS.fullmatch(text.replace(" ", "")):
        return None
    classes = [name.strip() for name in names.split(":")]
    parts = [float(part) for part in text.split(":")]
    if len(classes) != len(parts) or len(set(classes)) < len(classes) or "" in classes or not sum(parts):
        raise InputError(
            f"the mixture {label!r} cannot be read; write each class once and a number for each, as in "
            "'cancer:normal=1:2'"
        )
    return {name: part / sum(parts) for name, part in zip(classes, parts, strict=True)}


def pure_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the classes among labels, sorted, mixtures left out.

    Raises
    ------
    InputError
        When a mixture names a class of which there is no pure cell, or cannot be read.
    """
    mixtures = {label: parse_mixture(label) for label in set(labels)}
    classes = tuple(sorted(label for label, shares in mixtures.items() if shares is None))
    for label in sorted(label for label, shares in mixtures.items() if shares is not None):
        unknown = sorted(set(mixtures[label] or ()) - set(classes))
        if unknown:
            raise InputError(
                f"the mixture {label!r} names {unknown[0]!r}, and no cell is of that class alone; classes are "
                f"{', '.join(classes) or 'none'}"
            )
    return classes


def target_shares(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Return what a head is to say of each label, (N, K) float64, rows sum to 1.

    Parameters
    ----------
    labels : sequence of str
        N classes or mixtures of them.
    classes : sequence of str
        K class names.
    """
    row_of = {}
    for label in set(labels):
        shares = {label: 1.0} if label in classes else parse_mixture(label) or {}
        row_of[label] = [shares.get(name, 0.0) for name in classes]
    return np.array([row_of[label] for label in labels], float).reshape(-1, len(classes))


def mixture_rmse(estimated: np.ndarray, known: np.ndarray) -> float:
    """Return the root mean square error of compositions: sqrt(sum over images and classes of (y - p)^2 / N).

    Parameters
    ----------
    estimated, known : ndarray of shape (N, K)
        Share of each class in each of N images. The sum over classes is not divided by their number.
    """
    difference = np.asarray(estimated, float) - np.asarray(known, float)
    return float(np.sqrt((difference**2).sum() / len(difference)))
