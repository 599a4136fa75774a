"""Errors that are shown to users.

Each message is one line: the rule, the value that broke it, the way out. Pages, command line and API map the class to a
badge, an exit status or an HTTP status and print the message as it is. An error of the disk is told by `disk_sentence`;
any other exception is a defect and is raised.
"""

from __future__ import annotations

from collections.abc import Sequence


class CellappError(Exception):
    """Base of every error that is shown to the user."""


class InputError(CellappError):
    """A file, table or argument cannot be used as it is (exit status 2, HTTP 422)."""


class BudgetError(InputError):
    """An input is larger than the configured limit; the message says how to raise it (HTTP 413)."""


class ModelError(CellappError):
    """Weights are missing, unverified, gated or do not fit the other models of the run."""


class UnknownModelError(ModelError, InputError):
    """What was given as a model is none: no such name, or a folder or file that holds none or cannot be read."""


class StoreError(CellappError):
    """A project, image, run or cell is not in the store, or the store cannot be reached."""


class AccessError(CellappError):
    """A request for something its sender may not see (HTTP 403)."""


class EngineError(CellappError):
    """A process or the cluster that did the work was lost."""


class Cancelled(CellappError):
    """The user asked the running work to stop."""


def disk_sentence(error: OSError) -> str:
    """Return what to tell of an error of the system: which file or folder, and why."""
    where = repr(str(error.filename)) if error.filename else "a file or folder"
    return f"{where} cannot be used ({why_unread(error)}); see that there is room and that you may read and write there"


def why_unread(error: Exception) -> str:
    """Return why a file could not be read, without the numbers of the system and the names of Python's errors."""
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing in it"
    return str(error)


def first_names(names: Sequence[str], most: int) -> str:
    """Return the first of some names for a sentence, and how many more there are: "a, b and 3 more"."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
