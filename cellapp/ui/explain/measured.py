"""What was measured of the cells of a run for one class, as the Explain page shows it."""

from __future__ import annotations

import pandas as pd

from cellapp.explanation.finding_tables import TRUTH
from cellapp.exports.explanations import read_explanation_summary, summary_path
from cellapp.ui.session.kept import kept_file
from cellapp.ui.session.results import Results


def measured_cells(results: Results, target: str) -> pd.DataFrame | None:
    """Return one row per measured cell, see `cellapp.exports.explanations.read_explanation_summary`."""
    stems = [stem for stem, _ in results.version]

    def make() -> pd.DataFrame | None:
        return read_explanation_summary(results.folder, stems, target)

    return kept_file("measured", summary_path(results.folder, target), results.version, target, make=make)


def described_cells(results: Results, target: str) -> pd.DataFrame | None:
    """Return the same with the present `outcome`, the `area` and the class given by hand of each cell, by cell id."""
    measured = measured_cells(results, target)
    if measured is None or measured.empty:
        return measured
    path = summary_path(results.folder, target)
    return kept_file("described", path, results.version_key, target, make=lambda: _described(results, measured))


def is_metric(cells: pd.DataFrame) -> bool:
    """Whether every cell has an area in square micrometres."""
    return "area_um2" in cells and bool(cells["area_um2"].notna().all())


def _described(results: Results, measured: pd.DataFrame) -> pd.DataFrame:
    cells = results.called()
    columns = pd.DataFrame(
        {
            **{name: cells[name] for name in ("stem", "cell_id", "outcome")},
            "area": cells["area_um2"] if is_metric(cells) else cells["area_px"],
            TRUTH: cells["manual_label"],
        }
    )
    return measured.reset_index().merge(columns, on=["stem", "cell_id"], how="inner").set_index("cell_id")
