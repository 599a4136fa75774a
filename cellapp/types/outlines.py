"""How far the outlines of an image can be relied on."""

from __future__ import annotations

from dataclasses import dataclass

UNRELIABLE, DOUBTFUL = 0.5, 0.7  # expected average precision below which outlines look so


@dataclass(frozen=True)
class OutlineQuality:
    """What is expected of the outlines of one image, or why nothing can be told."""

    words: str  # one sentence for the user
    expected_ap: float | None = None  # average precision at an intersection over union of 0.5; None: cannot tell
    low: float | None = None  # of the interval that nine in ten images lie in
    high: float | None = None

    @property
    def unreliable(self) -> bool:
        """Whether fewer than half of all cells are expected to be outlined well."""
        return self.expected_ap is not None and self.expected_ap < UNRELIABLE
