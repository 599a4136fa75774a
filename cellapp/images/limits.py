"""Limits on size and memory, checked on an image's header before anything is decoded."""

from __future__ import annotations

from cellapp.compute.machine import free_memory_bytes
from cellapp.config import BudgetSettings, app_settings
from cellapp.errors import BudgetError, InputError
from cellapp.types.image import ImageInfo

MANY_BLOCKS = 100_000
LEAST_BLOCK_PX = 4096
"""Each piece costs some 0.1 ms however small it is; whole slides have hundreds of thousands of 256 x 256 pixels."""
_LARGE_BYTES, _MOST_RATIO = 2**28, 1000
_PARTS_OF_FREE_MEMORY = 8
"""Decoding takes up to three times the decoded bytes, and two visitors may look at once."""


def check_budget(info: ImageInfo, budget: BudgetSettings) -> None:
    """Refuse an image that is larger than the configured limits.

    Parameters
    ----------
    info : ImageInfo
        From the header.
    budget : BudgetSettings
        The limits in force.

    Raises
    ------
    BudgetError
        With the number, the limit and the environment variable that raises it.
    """
    _, height, width = info.shape
    costs = {
        "max_file_bytes": (info.bytes_on_disk, "bytes on disk"),
        "max_channels": (info.shape[0], "channels"),
        "max_pixels": (info.pixels, f"pixels ({height:,} x {width:,})"),
        "max_bytes": (info.bytes_decoded, "bytes when decoded"),
        "max_planes": (info.n_planes, "planes of depth"),
    }
    for limit, (cost, unit) in costs.items():
        check_limit(cost, limit, budget, f"{info.name!r} has {cost:,} {unit}")


def check_blocks(name: str, *, n_blocks: int, pixels: int, n_bytes: int, n_stored: int | None = None) -> None:
    """Refuse an image cut into blocks so large that one does not fit into memory, or so small that there is no end.

    Parameters
    ----------
    name : str
        Of the image, for messages.
    n_blocks : int
        How many strips, tiles or chunks a level has.
    pixels : int
        Of one.
    n_bytes : int
        Of one when it is decoded, all of its channels.
    n_stored : int, optional
        Bytes of the longest in the file, where they are known.

    Raises
    ------
    InputError
        Mostly a `BudgetError`; a large block of hardly any bytes is empty, damaged or made to fill memory.
    """
    check_limit(
        n_bytes, "max_block_bytes", app_settings().budget, f"{name!r} has to be decoded {n_bytes:,} bytes at a time"
    )
    if n_stored is not None and n_bytes > max(_LARGE_BYTES, _MOST_RATIO * n_stored):
        raise InputError(
            f"{name!r} has {n_stored:,} bytes for {n_bytes:,} of pixels, more than {_MOST_RATIO:,} times as many: it "
            "is empty, damaged or not what it seems; export it as TIFF in tiles"
        )
    if n_blocks > MANY_BLOCKS and pixels < LEAST_BLOCK_PX:
        raise BudgetError(
            f"{name!r} is cut into {n_blocks:,} pieces of {pixels:,} pixels; above {MANY_BLOCKS:,} pieces, each must "
            f"have {LEAST_BLOCK_PX:,}: export it again in larger tiles"
        )


def check_limit(cost: float, limit: str, budget: BudgetSettings, what: str) -> None:
    """Refuse one number above one limit.

    Parameters
    ----------
    cost : float
        The number to check.
    limit : str
        Field of `BudgetSettings` that bounds it.
    budget : BudgetSettings
        The limits in force.
    what : str
        Beginning of the message, which names the input and the number.

    Raises
    ------
    BudgetError
        When `cost` is above the limit.
    """
    allowed = getattr(budget, limit)
    if allowed is None:
        allowed = free_memory_bytes() // _PARTS_OF_FREE_MEMORY
    if cost > allowed:
        variable = f"CELLAPP_BUDGET__{limit.upper()}"
        raise BudgetError(f"{what}; the limit is {allowed:,}: raise it with {variable}={_rounded_up(cost)}")


def _rounded_up(cost: float) -> int:
    """Round up to two leading digits."""
    step = 10 ** max(len(str(int(cost))) - 2, 0)
    return (int(cost) // step + 1) * step
