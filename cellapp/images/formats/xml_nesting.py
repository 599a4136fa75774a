"""How deep the elements of an XML text lie in each other, counted before a parser builds them."""

from __future__ import annotations

import numpy as np

from cellapp.errors import InputError

_SHORT, _DEEPEST, _PIECE = 100_000, 256, 2**20


def check_nesting(text: str, name: str) -> None:
    """Refuse a long text whose elements are in each other deeper than OME-XML goes: parsers take minutes for it.

    Parameters
    ----------
    text : str
    name : str
        Name of the file for messages.
    """
    if len(text) < _SHORT:
        return
    depth = 0
    for start in range(0, len(text), _PIECE):
        letters = np.frombuffer(text[start : start + _PIECE + 1].encode("utf-8", "replace"), np.uint8)
        letters, after = letters[:-1], letters[1:]
        begins, ends = letters == ord("<"), (letters == ord("/")) & (after == ord(">"))
        steps = begins.astype(np.int8) - 2 * (begins & (after == ord("/"))) - ends
        steps -= begins & ((after == ord("!")) | (after == ord("?")))
        depths = depth + np.cumsum(steps, dtype=np.int64)
        depth = int(depths[-1]) if len(depths) else depth
        if depths.max(initial=0) <= _DEEPEST:
            continue
        raise InputError(f"{name!r} has XML metadata of more than {_DEEPEST} elements in each other; export it again")
