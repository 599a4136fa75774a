"""Keep memory that was freed for the next tile, instead of returning it to the system and asking for it again."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt, as malloc.h numbers them
_LARGEST_KEPT = 32 * 2**20  # bytes; the largest value that the GNU library takes
_KEPT = 256 * 2**20  # bytes at the end of the heap


def keep_freed_memory() -> bool:
    """Let this process keep up to 256 MiB of freed memory, and blocks of up to 32 MiB each.

    A network frees and asks for tens of megabytes in each layer. The system clears what it gives, page by page, which
    is a quarter of what a tile costs. In a Dask worker it is more than half: ``dask worker`` sets
    ``MALLOC_TRIM_THRESHOLD_`` to 64 kB, and with it the GNU C library no longer learns which blocks are asked for
    again and again.

    Returns
    -------
    bool
        Whether it is so; False where the C library is another one, which is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return bool(mallopt and mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_TRIM_THRESHOLD, _KEPT))
