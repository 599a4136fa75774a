"""A file that a format library keeps open: one handle for all levels of an image, used by one thread at a time."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class OpenedOnce:
    """A file that is opened on first use, in each process anew, and closed with this object.

    Parameters
    ----------
    path : Path
    open_file : callable
        Takes the path and returns the library's handle, which has a method ``close``. A function of a module, so that
        this object can be sent to other processes: they get the path and open the file themselves.
    """

    def __init__(self, path: Path, open_file: Callable[[Path], Any]) -> None:
        self.path = path
        self._open_file = open_file
        self._handle: Any = None
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """Lend the handle to one thread; others wait."""
        with self._lock:
            if self._handle is None:
                self._handle = self._open_file(self.path)
                weakref.finalize(self, self._handle.close)
            yield self._handle

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenedOnce, (self.path, self._open_file)
