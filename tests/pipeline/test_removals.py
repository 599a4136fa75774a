"""Cells are called again without a channel or a part, and what is not there is not taken away."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.measure import measure
from cellapp.explanation.removal import removed_of
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import LabelMask

SMALL = SyntheticSettings(height=160, width=160, cell_diameter_um=20, seed=4, touching=0)


@pytest.fixture(scope="module")
def known():
    """A slide with its cells and, in place of nuclei, discs in the middle of all cells but the first."""
    raw, truth, _ = render_field(SMALL)
    slide, settings = as_slide(raw, SMALL), AnalyseSettings()
    mask = LabelMask(truth.astype(np.int32), "truth")
    cells = measure(slide, mask, channels=slide.info.channels)
    nuclei = np.zeros_like(mask.labels)
    for cell_id, y, x in list(cells[["centroid_y_px", "centroid_x_px"]].itertuples())[1:]:
        nuclei[int(y) - 5 : int(y) + 5, int(x) - 5 : int(x) + 5] = cell_id
    nuclei *= nuclei == mask.labels
    return make_context(slide, None, load_run_models(settings), settings), mask, cells, LabelMask(nuclei, "discs")


@pytest.fixture(scope="module")
def table(known):
    context, mask, cells, nuclei = known
    return explain_cells(context, mask, cells, nuclei=nuclei, without_parts=True).compartments


def test_every_channel_and_part_is_taken_away_once(table, known):
    channels = [f"channel_{name}" for name in known[0].source.info.channels]
    assert removed_of(table) == [*channels, "nucleus", "cytoplasm", "texture", "interior"]
    assert table["p"].between(0, 1).all()
    assert table["call"].isin(known[0].models.head.classes).all()


def test_effects_and_probabilities_tell_the_same(table):
    for name in ("actin", "cytoplasm", "nucleus"):
        p = 1 / (1 + np.exp(table[f"effect_{name}"] - table["logit"]))
        np.testing.assert_allclose(p, table[f"p_without_channel_{name}"], atol=1e-3)


def test_a_cell_without_a_nucleus_has_none_to_lose(table):
    lacking = table["p_without_nucleus"].isna()
    assert lacking.tolist() == table["p_without_cytoplasm"].isna().tolist()
    assert lacking.iloc[0]
    assert not lacking.all()
    assert (table["call_without_nucleus"] == "").tolist() == lacking.tolist()
    assert table["p_without_interior"].notna().all()


def test_batches_and_the_order_of_cells_change_nothing(table, known, monkeypatch):
    context, mask, cells, nuclei = known
    monkeypatch.setattr("cellapp.pipeline.maps_of_cells._BATCH", 3)
    in_parts = explain_cells(context, mask, cells, nuclei=nuclei, without_parts=True).compartments
    pd.testing.assert_frame_equal(in_parts, table, rtol=1e-3, atol=1e-3)


def test_without_nuclei_parts_that_need_them_are_left_out(known):
    context, mask, cells, _ = known
    found = explain_cells(context, mask, cells.iloc[:1], without_parts=True).compartments
    assert not {"nucleus", "cytoplasm"} & set(removed_of(found))
    assert {"texture", "interior"} <= set(removed_of(found))
    nobody = explain_cells(context, mask, cells.iloc[:0], without_parts=True).compartments
    assert len(nobody) == 0
    threshold = context.settings.model_copy(
        update={"classify": context.settings.classify.model_copy(update={"threshold": 0.999999})}
    )
    called = explain_cells(replace(context, settings=threshold), mask, cells.iloc[:1], without_parts=True).compartments
    assert set(called["call"]) == {"normal"}, "calls are those of the run's threshold"
