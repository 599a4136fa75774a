"""Convert values for JSON and text columns: PostgreSQL takes neither NaN nor the character NUL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain JSON values: numpy scalars unpacked, tuples as lists, numbers that are not finite as None.

    Raises
    ------
    TypeError
        A value has no JSON form; that is a defect of the caller.
    """
    return {str(key): _plain(value) for key, value in values.items()}


def plain_text(text: str | None) -> str | None:
    """Return text without the character NUL."""
    return text.replace("\x00", "") if text else text


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return json_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return plain_text(str(value))
    if value is None or isinstance(value, bool | int):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")
