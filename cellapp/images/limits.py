"""Limits on size and memory, checked on an image's header before anything is decoded."""

from __future__ import annotations

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError
from cellapp.types.image import ImageInfo


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
    }
    for limit, (cost, unit) in costs.items():
        check_limit(cost, limit, budget, f"{info.name!r} has {cost:,} {unit}")


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
    if cost > allowed:
        variable = f"CELLAPP_BUDGET__{limit.upper()}"
        raise BudgetError(f"{what}; the limit is {allowed:,}: raise it with {variable}={_rounded_up(cost)}")


def _rounded_up(cost: float) -> int:
    """Round up to two leading digits."""
    step = 10 ** max(len(str(int(cost))) - 2, 0)
    return (int(cost) // step + 1) * step
