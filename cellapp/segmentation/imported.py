"""Stands in for the segmenter of a run whose labels came from files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.settings import IMPORTED, SegmentSettings
from cellapp.types.image import Role


class ImportedLabels:
    """Has a name and finds nothing: the cells of such a run are those of its files."""

    fast = True
    name = f"{IMPORTED}@1"

    def flows(self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: Any = None) -> Any:
        """Refuse: there is nothing to find cells with."""
        raise InputError("the labels of this run came from files, which are not here; import them again, or choose a "
                         "segmenter")  # fmt: skip

    def masks(self, flows: Any, settings: SegmentSettings) -> np.ndarray:
        """Refuse, as `flows` does."""
        return self.flows(flows, (), settings)
