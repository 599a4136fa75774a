"""What groups of cells are called in sentences, whatever the column is called that tells them apart."""

from __future__ import annotations

import re

_WHOLE_WORDS = re.compile(r"[A-Za-z][a-z]{2,}(?:[ _-][A-Za-z][a-z]+)*")  # "cell_line", not "dose_uM", "t2" or a formula
_IRREGULAR = {
    **{"mouse": "mice", "person": "people", "child": "children", "medium": "media", "man": "men", "woman": "women"},
    **{"series": "series", "species": "species", "analysis": "analyses", "diagnosis": "diagnoses"},
}


def group_word(grouped_by: str | None, n: int) -> str:
    """Return what `n` groups are called.

    Parameters
    ----------
    grouped_by : str, optional
        "image" or the name of a column; None where each cell is its own group.
    n : int

    Returns
    -------
    str
        "images", "batches", "cell lines", "acquisitions"; names that are no words, such as "dose_uM", keep as they are:
        "groups by dose_uM".
    """
    name = "cell" if grouped_by is None else grouped_by.strip()
    if not _WHOLE_WORDS.fullmatch(name):
        return f"{'group' if n == 1 else 'groups'} by {name}"
    *before, last = re.split(r"[ _-]", name)
    return " ".join([*before, _singular(last) if n == 1 else _plural(last)])


def _singular(noun: str) -> str:
    """Return the singular of a noun that may be given in the plural."""
    back = {plural: one for one, plural in _IRREGULAR.items()}
    if noun in back or not noun.endswith("s") or noun.endswith(("ss", "us", "is")):
        return back.get(noun, noun)
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun[:-2] if noun.endswith(("ches", "shes", "sses", "xes")) else noun[:-1]


def _plural(noun: str) -> str:
    """Return the plural of a noun that may be given in the plural."""
    one = _singular(noun)
    if one in _IRREGULAR:
        return _IRREGULAR[one]
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return f"{one[:-1]}ies"
    return f"{one}es" if one.endswith(("s", "x", "z", "ch", "sh")) else f"{one}s"
