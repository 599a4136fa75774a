"""Which cells the Explain page offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from cellapp.explanation.cell_lists import listings
from cellapp.exports.embeddings import read_embeddings
from cellapp.settings import ExplainSettings
from cellapp.store.records import ImageRecord
from cellapp.ui.explain.cell_maps import stored_explanations
from cellapp.ui.session.results import Results


def explainable(
    results: Results, cells: pd.DataFrame, target: str, *, models: bool, how: ExplainSettings | None = None
) -> pd.DataFrame:
    """Return the cells of one image whose map is on disk or, with the run's models at hand, can be computed.

    Parameters
    ----------
    results : Results
    cells : DataFrame
        Cells of one image.
    target : str
        Class explained.
    models : bool
        Whether the models of the run are at hand.
    how : ExplainSettings, optional
        Method and layer of the maps; those of the run when left out.
    """
    if models or cells.empty:
        return cells
    stored = stored_explanations(results.folder / cells["stem"].iloc[0], target, how)
    return cells[cells["cell_id"].isin(stored)]


def has_calls(results: Results, image: ImageRecord) -> bool:
    """Whether a cell of an image has a class from a head, so that there is something to explain."""
    cells = results.called_of(image.id)
    return bool(results.classes) and results.kept("any call", image.id, make=lambda: bool(cells["label"].any()))


def lists_of(
    results: Results, cells: pd.DataFrame, chosen: Sequence[int], *, every: bool
) -> Mapping[str, pd.DataFrame]:
    """Return lists of cells worth explaining, see `cellapp.explanation.cell_lists.listings`.

    Parameters
    ----------
    results : Results
    cells : DataFrame
        Those of one image that can be explained, see `explainable`.
    chosen : sequence of int
        Row numbers selected by the visitor.
    every : bool
        Whether `cells` are all of the image.
    """
    if cells.empty:
        return {}
    which = None if every else tuple(cells.index)
    vectors = results.folder / cells["stem"].iloc[0] / "embeddings.npz"
    written_ns = vectors.stat().st_mtime_ns if vectors.exists() else None

    def make() -> dict[str, pd.DataFrame]:
        return listings(cells, results.classes, chosen, vectors_of(results, cells))

    return results.kept("lists", cells["image_id"].iloc[0], which, tuple(chosen), written_ns, make=make)


def vectors_of(results: Results, cells: pd.DataFrame) -> pd.DataFrame | None:
    """Return the vectors of some cells of one image by the index of `cells`; None where the run kept none."""
    if cells.empty:
        return None
    path = results.folder / cells["stem"].iloc[0] / "embeddings.npz"
    if not path.exists():
        return None
    vectors = _vectors(str(path), path.stat().st_mtime_ns)
    known = cells[cells["cell_id"].isin(vectors.index)]
    return vectors.loc[known["cell_id"]].set_axis(known.index)


@st.cache_resource(max_entries=2, show_spinner=False)
def _vectors(path: str, mtime_ns: int) -> pd.DataFrame:
    found = read_embeddings(Path(path))
    return pd.DataFrame(found.features, index=found.cell_ids)
