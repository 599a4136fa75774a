"""Values become settings, or one line says which of them does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cellapp.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], content: Mapping[str, Any], called: str = "", *, name: Callable[[str], str] = str
) -> Model:
    """Build settings or a recipe of plain values.

    Parameters
    ----------
    model : type
        Their class.
    content : mapping
        Values by field, nested as the class is.
    called : str
        What the message calls them; empty for settings, whose fields speak for themselves.
    name : callable
        Turns a field into what the reader knows it as.

    Raises
    ------
    InputError
        Names the first field that does not fit, the rule and the value; for fields that contradict each other the rule.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        place = ", ".join(part for part in (called, ".".join(name(str(part)) for part in first["loc"])) if part)
        got = "" if isinstance(first["input"], Mapping) else f"; got {first['input']!r}"
        raise InputError(f"{place}: {reason}{got}" if place else f"{reason}{got}") from error
