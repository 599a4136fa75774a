"""Small pictures that a page shows by address: made by the page, fetched by the browser from the same process.

An address is made of the content, signed with the installation's secret: who has it was shown the picture. A browser
that has a picture never asks for it again. The latest ones are kept, up to `KEEP_BYTES`; a page offers what it shows
each time it is drawn.
"""

from __future__ import annotations

import hashlib
from threading import Lock

from cachetools import LRUCache

from cellapp.auth.tile_pass import secret
from cellapp.errors import StoreError

KEEP_BYTES = 64 * 2**20

_kept: LRUCache[str, bytes] = LRUCache(KEEP_BYTES, getsizeof=len)
_lock = Lock()


def offer(content: bytes) -> str:
    """Keep an encoded picture and return its address below the app's root.

    Parameters
    ----------
    content : bytes
        A PNG or JPEG file of at most `KEEP_BYTES`.
    """
    name = hashlib.blake2b(content, digest_size=16, key=secret()).hexdigest()
    with _lock:
        _kept[name] = content
    return f"api/pictures/{name}"


def offered(name: str) -> tuple[bytes, str]:
    """Return a picture and its media type.

    Parameters
    ----------
    name : str
        Last part of the address that `offer` gave.

    Raises
    ------
    StoreError
        No page of this server has shown such a picture lately.
    """
    with _lock:
        content = _kept.get(name)
    if content is None:
        raise StoreError("this picture is not shown any more; reload the page")
    return content, "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
