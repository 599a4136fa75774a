"""The bundled networks as one segmenter: the second does slides of cells without stain, the first all others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.network_choice import NetworkChoice
from cellapp.types.image import Role, Slide
from cellapp.types.protocols import Segmenter

CHOICE = "choice.json"
"""File of the second network's folder with the rules by which a slide is given to it."""


class CompactPair(CompactSegmenter):
    """The first network, and a second one that is loaded when the first slide is for it."""

    def __init__(
        self, folder: Path, other: Path, *, name: str = "compact", device: str = "cpu", dtype: str = "float32"
    ) -> None:
        """Load the first network and the rules of the choice.

        Parameters
        ----------
        folder, other : Path
            Of the first and the second network; the rules are in the second.
        name, device, dtype
            As `CompactSegmenter`; the second network goes by the name of its folder.

        Raises
        ------
        ModelError
            When a file is missing, damaged or not the one the config names.
        """
        super().__init__(folder, name=name, device=device, dtype=dtype)
        self._choice, self._second = NetworkChoice.read(other / CHOICE), (other, device, dtype)

    def for_slide(self, slide: Slide, roles: Sequence[Role]) -> Segmenter:
        """Return the network for a slide: this one where a stain is known or seen.

        Parameters
        ----------
        slide : Slide
        roles : sequence of Role

        Raises
        ------
        ModelError
            When the second network is needed and cannot be read.
        """
        return self.second if self._choice.is_label_free(slide, roles) else self

    @cached_property
    def second(self) -> CompactSegmenter:
        """The network for cells without stain and blood smears."""
        folder, device, dtype = self._second
        return CompactSegmenter(folder, name=folder.name, device=device, dtype=dtype)
