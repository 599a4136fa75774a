"""``_seg.npy`` of Cellpose: a Python pickle, whose masks are taken out without running anything that it names.

Loading a pickle calls whatever its author wrote into it. Here its operations are only followed: what they would call is
kept as a note, and an array is built from its bytes where the notes say that they are those of a plain NumPy array.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.faults import UnfitError, fault

WAY_OUT = "save the masks in Cellpose as PNG or TIFF (File menu) and give that file"
_MARK = object()
_KEPT_AS_THEY_ARE = {
    "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG", "BINFLOAT", "FLOAT", "SHORT_BINUNICODE",
    "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "SHORT_BINSTRING", "BINSTRING",
    "STRING", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_DICT": dict,
              "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set, "MARK": lambda: _MARK}  # fmt: skip
_OF_ARRAYS = {"_reconstruct", "_frombuffer"}


@dataclass(eq=False)
class _Note:
    """What a pickle would call with what, and the state it would set."""

    name: str
    arguments: Any = ()
    state: Any = None


def read_masks(path: Path) -> np.ndarray:
    """Return the masks of a ``_seg.npy``, or the array of another ``.npy``.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        When it is no such file, damaged, or holds no masks that can be taken out without running it.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = (np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0)[version[0] > 1](file)
            content = None if header[2].hasobject is False else _follow(file)
        return np.load(path, allow_pickle=False) if content is None else _masks_of(content, path.name)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError) as error:
        raise InputError(f"{path.name!r} cannot be read as masks of Cellpose ({fault(error)}); {WAY_OUT}") from error


def _masks_of(content: Any, name: str) -> np.ndarray:
    """Return the masks in the one element of an array of objects."""
    held = content.state[4][0] if isinstance(content, _Note) else content
    if not isinstance(held, dict) or "masks" not in held:
        raise InputError(f"{name!r} holds no masks, as the _seg.npy of Cellpose does; {WAY_OUT}")
    return _array(held["masks"])


def _array(note: _Note) -> np.ndarray:
    """Build an array of numbers from the bytes that a pickle holds of it."""
    if note.name.rpartition(".")[2] not in _OF_ARRAYS:
        raise UnfitError(f"its masks are no plain array but {note.name}")
    if note.name.endswith("_frombuffer"):
        data, kind, shape, order = note.arguments
    else:
        _, shape, kind, by_column, data = note.state
        order = "F" if by_column else "C"
    dtype = np.dtype(str(kind.arguments[0])).newbyteorder(kind.state[1] if kind.state else "=")
    if dtype.hasobject:
        raise UnfitError("its masks are an array of Python objects")
    return np.frombuffer(_bytes(data), dtype).reshape(shape, order=order)


def _bytes(data: Any) -> bytes:
    """Return bytes; older protocols write them as text."""
    if isinstance(data, _Note):
        return data.arguments[0].encode("latin1")
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _follow(file: IO[bytes]) -> Any:
    """Follow the operations of a pickle and return what it would load, with notes in place of calls."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, argument, _ in pickletools.genops(file):
        name = operation.name
        if name in _KEPT_AS_THEY_ARE:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
            memo[len(memo) if argument is None else int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[int(argument)])
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            _build(name, argument, stack)
    raise UnfitError("it has no end")


def _build(name: str, argument: Any, stack: list[Any]) -> None:
    """Do an operation that puts together what lies on the stack."""
    if name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        n = int(name[-1])
        stack[-n:] = [tuple(stack[-n:])]
    elif name in ("TUPLE", "LIST", "DICT", "APPENDS", "SETITEMS"):
        _collect(name, _since_mark(stack), stack)
    elif name in ("APPEND", "SETITEM"):
        n = 1 if name == "APPEND" else 2
        items = stack[-n:]
        del stack[-n:]
        _collect(f"{name}S", items, stack)
    elif name in ("GLOBAL", "STACK_GLOBAL"):
        words = argument.split(" ") if name == "GLOBAL" else [stack.pop(-2), stack.pop()]
        stack.append(_Note(".".join(words)))
    elif name in ("REDUCE", "NEWOBJ"):
        arguments, called = stack.pop(), stack.pop()
        stack.append(_Note(called.name, arguments))
    elif name == "BUILD":
        state = stack.pop()
        stack[-1].state = state
    else:
        raise UnfitError(f"it uses {name}, which arrays need not")


def _since_mark(stack: list[Any]) -> list[Any]:
    at = max(i for i, item in enumerate(stack) if item is _MARK)
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _collect(name: str, items: list[Any], stack: list[Any]) -> None:
    if name == "TUPLE":
        stack.append(tuple(items))
    elif name == "LIST":
        stack.append(items)
    elif name == "DICT":
        stack.append(dict(zip(items[::2], items[1::2], strict=True)))
    elif name == "APPENDS":
        stack[-1].extend(items)
    else:
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
