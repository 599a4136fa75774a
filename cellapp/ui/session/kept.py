"""What pages make of a run's results, kept while all that decides it stays the same: tables, orders, figures.

Values of `cellapp.ui.session.cache` have a function each; these are bounded together, by bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import is_dataclass
from pathlib import Path
from threading import Condition
from typing import TypeVar, cast

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from cellapp.ui.components.charts import Drawn

Value = TypeVar("Value")

KEEP_BYTES = 512 * 2**20
_SMALL = 2_000  # bytes counted for a value that is neither table, array nor figure


def kept(what: str, *decided_by: Hashable, make: Callable[[], Value]) -> Value:
    """Return a value made once for all visitors.

    Parameters
    ----------
    what : str
        What it is; the same word always goes with the same type and the same `decided_by`.
    *decided_by : hashable
        Everything the value depends on. A run's results are in it as `cellapp.ui.session.results.Results.version_key`.
    make : callable
        Makes it where it is not kept. The value is shared: nobody may change it.
    """
    return cast(Value, _kept((what, *decided_by), make))


def kept_file(what: str, path: Path, *decided_by: Hashable, make: Callable[[], Value]) -> Value | None:
    """Return what is made of a file in the same way, anew when the file is; None where there is none."""
    try:
        written_ns = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return kept(what, str(path), written_ns, *decided_by, make=make)


def digest_of(*arrays: np.ndarray | None) -> str:
    """Return a text that tells arrays of other content apart, for what is decided by their pixels."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(repr(None if array is None else (array.shape, array.dtype.str)).encode())
        found.update(b"" if array is None else np.ascontiguousarray(array).data)
    return found.hexdigest()


@cached(LRUCache(KEEP_BYTES, getsizeof=lambda value: _n_bytes(value)), key=lambda key, make: key, condition=Condition())
def _kept(key: tuple[Hashable, ...], make: Callable[[], object]) -> object:
    return make()


def _n_bytes(value: object) -> int:
    """Return about how much memory a value takes; texts in a table are shared and not counted."""
    if isinstance(value, pd.DataFrame):
        return _SMALL + int(value.memory_usage(deep=False).sum())
    if isinstance(value, np.ndarray):
        return _SMALL + value.nbytes
    if isinstance(value, Drawn):
        return _SMALL + value.n_bytes
    if isinstance(value, dict):
        return _SMALL + sum(_n_bytes(one) for one in value.values())
    if is_dataclass(value):
        return _SMALL + sum(_n_bytes(one) for one in vars(value).values())
    if isinstance(value, (str, bytes)):
        return _SMALL + len(value)
    return _SMALL
