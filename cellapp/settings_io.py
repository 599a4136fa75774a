"""Read recipes (TOML) and check settings against their classes; what does not fit is an `InputError` of one line.

Recipes are written with `tomli_w.dumps`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cellapp.errors import InputError, why_unread


def read_toml(path: Path) -> dict[str, Any]:
    """Read a recipe, the TOML file that reproduces a model.

    Raises
    ------
    InputError
        When it is absent or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:  # no TOML, or no text
        raise InputError(f"cannot read the recipe {str(path)!r}: {why_unread(error)}") from error


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
        Name in the message; empty for settings, whose fields are enough.
    name : callable
        Returns the name of a field that users know.

    Raises
    ------
    InputError
        Names the first field that does not fit, the rule and the value; for fields that contradict each other the rule.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        rule = first["msg"].removeprefix("Value error, ")
        field = ", ".join(part for part in (called, ".".join(name(str(part)) for part in first["loc"])) if part)
        got = "" if isinstance(first["input"], Mapping) else f"; got {first['input']!r}"
        raise InputError(f"{field}: {rule}{got}" if field else f"{rule}{got}") from error


def read_recipe(model: type[Model], path: Path | None, *, called: str = "", **changes: Any) -> Model:
    """Read a ``recipe.toml`` of any kind and put other values in place of some of its own.

    Parameters
    ----------
    model : type
        Class of the recipe.
    path : Path, optional
        None gives the defaults of `model`.
    called : str
        What a message calls the recipe; its file name when left out.
    **changes
        Fields of `model`; those that are None change nothing. A mapping changes the fields of a part of the recipe.

    Raises
    ------
    InputError
        When the file cannot be read or a value does not fit.
    """
    content = read_toml(path) if path else {}
    for key, value in changes.items():
        if isinstance(value, Mapping):
            part = {name: one for name, one in value.items() if one is not None}
            content |= {key: {**content.get(key, {}), **part}} if part else {}
        elif value is not None:
            content[key] = value
    return validated(model, content, called or (f"recipe {path.name!r}" if path else "recipe"))
