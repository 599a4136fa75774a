"""What is wrong with a file, in words for its owner: format libraries tell it to programmers, if at all."""

from __future__ import annotations

import json
import struct
from xml.etree import ElementTree

CUT_OFF = "its data end too early"
NOT_READ = "its compression or kind of pixels is not one that is read"
CHANGED = "bytes in it were changed or lost"
MISSING = "a part that it names is not there"
NESTED = "its text is nested deeper than that of any such file"
UNFIT = "its header and its data do not fit together"

_CUT_OFF_WORDS = ("truncat", "too small", "too short", "requires a buffer", "not enough data", "incomplete", "eof")
_NOT_READ_WORDS = ("unsupported", "not supported by", "not a known", "requires the", "not implemented", "encrypted")
_CHANGED_WORDS = (
    "decompress", "decode", "crc", "checksum", "corrupt", "broken", "incorrect", "invalid", "illegal", "bad ", "marker",
)  # fmt: skip


class UnfitError(ValueError):
    """What is wrong with a file, as the middle of a sentence for its owner; raised by readers of this program."""


def fault(error: BaseException) -> str:
    """Return what is wrong with a file that a library stumbled over, without the library's own words.

    Parameters
    ----------
    error : BaseException
        Whatever was raised; it stays the cause of the error that a user sees, where pages fold it away.

    Returns
    -------
    str
        The middle of a sentence, of one line.
    """
    if isinstance(error, UnfitError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return _place(error.lineno, error.colno)
    if isinstance(error, RecursionError):
        return NESTED
    if isinstance(error, ElementTree.ParseError):
        return _place(error.position[0], error.position[1] + 1)
    if isinstance(error, UnicodeDecodeError):
        return f"its text has bytes that are no letters from byte {error.start + 1:,} on"
    words = str(error).lower()
    if isinstance(error, EOFError | struct.error) or any(word in words for word in _CUT_OFF_WORDS):
        return CUT_OFF
    if isinstance(error, NotImplementedError) or any(word in words for word in _NOT_READ_WORDS):
        return NOT_READ
    if isinstance(error, FileNotFoundError):
        return MISSING
    return UNFIT if isinstance(error, _OF_PYTHON) or not any(word in words for word in _CHANGED_WORDS) else CHANGED


_OF_PYTHON = (LookupError, TypeError, AttributeError, ArithmeticError)
"""What code that trusted a number of the file ends in: its words say nothing of the file."""


def _place(line: int, column: int) -> str:
    return f"its text breaks off or is malformed in line {line:,}, column {column:,}"
