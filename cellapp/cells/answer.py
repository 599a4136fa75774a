"""Whether the classes a head gave to some cells may be taken as an answer: the one place that decides it.

They may not where the head is one for show, nor where more than half of the cells it classified are unlike its training
cells. Those are then counted apart and are in no fraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

NO_CLASSIFIER, FOR_SHOW = "No classifier for cells like these", "For show only"
"""What an unfit answer comes to, in a few words."""


class Fitness(StrEnum):
    """What the classes of some cells are worth, as summary.csv and run.json say it."""

    FIT = "fit"
    UNFIT = "unfit"
    NONE = "none"  # no cell has a class from a head


@dataclass(frozen=True)
class Answer:
    """What decides whether classes are an answer, and the words for it."""

    n_classified: int = 0  # accepted cells whose class is the head's and not a person's
    n_unlike: int = 0  # of these, unlike its training cells
    demonstration: str = ""  # "trained on synthetic cells" of a head for show; "" of any other

    @property
    def mostly_unlike(self) -> bool:
        """Whether more than half of the cells are unlike the training cells."""
        return 2 * self.n_unlike > self.n_classified

    @property
    def fitness(self) -> Fitness:
        """Whether the classes may be taken as an answer."""
        if not self.n_classified:
            return Fitness.NONE
        return Fitness.UNFIT if self.demonstration or self.mostly_unlike else Fitness.FIT

    @property
    def unfit(self) -> bool:
        """Whether there are classes that are no answer."""
        return self.fitness is Fitness.UNFIT

    @property
    def share_unlike(self) -> float | None:
        """Share of the classified cells that are unlike the training cells, 0 to 1; None without such cells."""
        return self.n_unlike / self.n_classified if self.n_classified else None

    @property
    def reason(self) -> str:
        """Why the classes are no answer, without a full stop; "" where they are one."""
        if self.fitness is Fitness.NONE:
            return "no cell has a class from a head"
        n, total = f"{self.n_unlike:,}", f"{self.n_classified:,}"
        if self.demonstration:
            unlike = f"; {n} of {total} unlike its training cells" if self.mostly_unlike else ""
            return f"demonstration head, {self.demonstration}{unlike}"
        return f"{n} of {total} unlike the training cells of the head" if self.mostly_unlike else ""

    @property
    def verdict(self) -> str:
        """What an unfit answer comes to, in a few words; "" for any other."""
        if not self.unfit:
            return ""
        return NO_CLASSIFIER if self.mostly_unlike else FOR_SHOW


def judge(cells: pd.DataFrame, demonstration: str = "") -> Answer:
    """Decide whether the classes of some cells are an answer.

    Parameters
    ----------
    cells : DataFrame
        A cell table of one image or of several, with `qc_pass`; `label`, `unlike_training` and `manual_label` where
        they exist. Cells that a person named are not the head's to judge, and count nowhere here.
    demonstration : str
        What the head was trained on where it is one for show, see `cellapp.models.demonstration`.
    """
    classified = _classified(cells)
    return Answer(int(classified.sum()), int((classified & _flag(cells, "unlike_training")).sum()), demonstration)


def pool(rows: Iterable[Mapping[str, Any]], demonstration: str = "") -> Answer:
    """Decide for the images of several rows of summary.csv together; the same as `judge` on all of their cells."""
    pairs = [(int(row.get("n_classified") or 0), int(row.get("n_unlike_training") or 0)) for row in rows]
    return Answer(sum(n for n, _ in pairs), sum(n for _, n in pairs), demonstration)


def counted_apart(cells: pd.DataFrame) -> pd.Series:
    """Return which cells are in no fraction: those unlike the training cells, in images where they are the majority.

    Parameters
    ----------
    cells : DataFrame
        As for `judge`; all cells of an image, or of the images that a column `image_id` tells apart.

    Returns
    -------
    Series of bool, with the index of `cells`
    """
    classified = _classified(cells)
    unlike = classified & _flag(cells, "unlike_training")
    if not unlike.any():
        return unlike
    image = cells["image_id"] if "image_id" in cells else pd.Series(0, index=cells.index)
    of_image = [flags.groupby(image.to_numpy()).transform("sum") for flags in (classified, unlike)]
    return unlike & (2 * of_image[1] > of_image[0])


def _classified(cells: pd.DataFrame) -> pd.Series:
    """Return which cells have the class that the head gave them."""
    if "label" not in cells:
        return pd.Series(False, index=cells.index)
    classified = (cells["label"].fillna("") != "") & cells["qc_pass"].astype(bool)
    return classified & (cells["manual_label"].fillna("") == "") if "manual_label" in cells else classified


def _flag(cells: pd.DataFrame, name: str) -> pd.Series:
    return cells[name].eq(True) if name in cells else pd.Series(False, index=cells.index)
