"""Images held out by a hash of their names, so that all runs agree."""

from __future__ import annotations

import hashlib


def is_held_out(name: str, share: float) -> bool:
    """Return whether an image is held out: decided by a hash of its name.

    Parameters
    ----------
    name : str
    share : float
        Of all names, 0 to 1; what a smaller share holds out a larger one does.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) < share * 2**32
