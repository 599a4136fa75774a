"""What the sections of the Classify page look at: a run's cells, called at a threshold, in a scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st

from cellapp.classification.cell_columns import positive_class
from cellapp.store.records import ImageRecord
from cellapp.ui.session import selection
from cellapp.ui.session.results import Results

EVERY_IMAGE, THIS_IMAGE = "All images", "This image"


@dataclass(frozen=True, eq=False)
class ClassifyState:
    """What all sections look at."""

    results: Results
    images: Mapping[str, ImageRecord]  # of the run, by id
    image: ImageRecord  # the one in the header
    threshold: float
    scope: str

    @cached_property
    def called(self) -> pd.DataFrame:
        """All cells of the run with their outcome at the threshold in force."""
        return self.results.called(self.threshold)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The cells in scope."""
        return self.here if self.scope == THIS_IMAGE else self.called

    @cached_property
    def here(self) -> pd.DataFrame:
        """The cells of the image in the header."""
        return self.called[self.called["image_id"] == self.image.id]

    @cached_property
    def chosen(self) -> list[int]:
        """Row numbers of the selected cells."""
        return selection.selected(self.results.run, self.called)

    @property
    def target(self) -> str:
        """The positive class, "" without a head."""
        return positive_class(self.results.classes) if self.results.classes else ""

    @property
    def drawn(self) -> str:
        """Changes whenever calls do; what charts are redrawn by."""
        return f"{self.results.mark}/{self.threshold}/{self.scope}/{self.image.id}"

    def take(self, rows: list[int], *, source: str) -> None:
        """Adopt what a view reports, if that is new."""
        if selection.listen(self.results.run, self.called, rows, source=source, drawn=self.drawn):
            st.rerun()
