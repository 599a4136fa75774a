"""Numbers and lists in the sentences of a report."""

from __future__ import annotations

from collections.abc import Sequence


def percent(share: float) -> str:
    """Return a share, 0 to 1, as whole per cent."""
    return f"{100 * share:.0f} %"


def listed(parts: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def counted(n: int, one: str, many: str = "") -> str:
    """Return "1 image" or "3 images"; the plural has an s where none is given."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
