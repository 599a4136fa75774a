"""What tiles are made from and finished tiles, kept as long as there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")


def kept(maxsize: int) -> Callable[[Callable[Arguments, Made]], Callable[Arguments, Made]]:
    """Keep the latest results of a function, as `functools.lru_cache`, and make each only once.

    A browser asks for half a dozen tiles at the same time; without a lock each of them would open the same file.
    """

    def wrap(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
        cached, lock = lru_cache(maxsize)(make), threading.Lock()

        @wraps(make)
        def get(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Made:
            with lock:
                return cached(*args, **kwargs)

        return get

    return wrap


class ByteCache:
    """Keeps the most recently used byte strings, up to a number of bytes; safe between threads.

    Parameters
    ----------
    max_bytes : int
        Room for values; one larger than this is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes kept now."""
        return self._n_bytes

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under `key`, or make it and keep it; several threads may make the same at once."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            self._n_bytes += len(value) - len(self._kept.pop(key, b""))
            self._kept[key] = value
            while self._n_bytes > self._max_bytes:
                self._n_bytes -= len(self._kept.popitem(last=False)[1])
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._n_bytes = 0
