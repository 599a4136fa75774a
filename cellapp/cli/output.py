"""Print progress to stderr and results to stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

JSON_OPTION = typer.Option(False, "--json", help="Print one JSON object as the last line of stdout.")


def note(sentence: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"{sentence}\n")


class Progress:
    """A single line that moves on a terminal, one line per finished step in a log."""

    def __init__(self) -> None:
        self._moving = sys.stderr.isatty()
        self._width = 0

    def __call__(self, step: str, fraction: float) -> None:
        """Show the current step; an `OnStep` callback."""
        if self._moving:
            line = f"{fraction:4.0%}  {step}"
            sys.stderr.write(f"\r{line:<{self._width}}")
            sys.stderr.flush()
            self._width = len(line)
        elif ":" not in step:
            note(f"{fraction:4.0%}  {step}")

    def end(self) -> None:
        """End the moving line."""
        if self._moving and self._width:
            sys.stderr.write("\n")


def emit(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    """Print a result for people, or as one JSON object.

    Parameters
    ----------
    result : dict
        Plain JSON values.
    as_json : bool
    lines : list of str
        The same for people.
    """
    for line in lines:
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False))
