"""Names of classes: any words in any script, as long as no two would be taken for one another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from cellapp.cells.counts import RESERVED
from cellapp.errors import InputError
from cellapp.files import clean_text


def clean_class(name: str) -> str:
    """Return a class name as one printable line; commas, quotes and letters of any script stay.

    Raises
    ------
    InputError
        When nothing is left of it, or cells without a class are counted under it.
    """
    if not _visible(name):
        raise InputError(f"a class needs a name of at least one letter; got {name!r}")
    cleaned = clean_text(name)
    if cleaned in RESERVED:
        raise InputError(f"{cleaned!r} is no class, other cells are counted under it; give it another name")
    return cleaned


def check_classes(names: Iterable[str]) -> None:
    """Raise InputError where cells without a class are counted under a name, or two names differ in spelling alone.

    Parameters
    ----------
    names : iterable of str
        Each of them once or more often.
    """
    names = sorted(set(names))
    for name in sorted(RESERVED.intersection(names)):
        raise InputError(f"{name!r} is no class, other cells are counted under it; give it another name")
    spelled: dict[str, str] = {}
    for name in names:
        first = spelled.setdefault(_key(name), name)
        if first != name:
            raise InputError(f"classes {first!r} and {name!r} differ in spelling alone; write them in one way")


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _visible(name: str) -> bool:
    return any(unicodedata.category(sign)[0] not in "CZ" for sign in name)
