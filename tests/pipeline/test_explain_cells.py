"""What calls rest on agrees with the calls themselves."""

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.counts import REJECTED
from cellapp.errors import ModelError
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.settings import AnalyseSettings
from tests.cells.toy import slide_of

SETTINGS = AnalyseSettings.model_validate({"explain": {"n": 3}})
COUNTING = AnalyseSettings.model_validate({"classify": {"head": None}})


@pytest.fixture(scope="module")
def models():
    return load_run_models(SETTINGS)


@pytest.fixture(scope="module")
def whole(demo, models):
    return analyse(open_slide(demo.slide), models, SETTINGS)


def measure(slide, mask, cells, models, target=None, settings=SETTINGS):
    """The table of compartments of some cells."""
    return explain_cells(make_context(slide, None, models, settings), mask, cells, target).compartments


def test_logits_are_those_of_the_probabilities(whole, demo, models):
    accepted = whole.cells[whole.cells["qc_pass"]]
    table = measure(open_slide(demo.slide), whole.mask, accepted, models)
    assert table.index.tolist() == accepted.index.tolist()
    p = accepted[f"p_{models.head.positive}"].to_numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-table["logit"])), p, atol=0.02)
    assert [name for name in table if name.startswith("effect_")] == [
        f"effect_{name}" for name in open_slide(demo.slide).info.channels
    ]


def test_the_explained_cells_of_a_run_are_measured(whole):
    assert whole.compartments.index.tolist() == whole.explanations.cell_ids.tolist()
    np.testing.assert_allclose(whole.compartments["logit"], whole.explanations.logits, atol=0.05)


def test_explaining_the_other_class_turns_every_sign(whole, demo, models):
    some = whole.cells[whole.cells["qc_pass"]].head(3)
    slide = open_slide(demo.slide)
    one, other = (measure(slide, whole.mask, some, models, name) for name in models.head.classes)
    signed = [name for name in one if name.startswith(("sum_", "effect_", "logit"))]
    np.testing.assert_allclose(one[signed], -other[signed], atol=1e-3)
    pd.testing.assert_series_equal(one["energy"], other["energy"], rtol=1e-4)


def test_a_channel_that_is_dark_has_no_effect(demo, models, whole, tmp_path):
    slide = open_slide(demo.slide)
    dark = np.concatenate([slide.region(), np.zeros((1, *slide.info.shape[1:]), slide.info.dtype)])
    extended = slide_of(dark, (*slide.info.channels, "orange"))
    some = whole.cells[whole.cells["qc_pass"]].head(2)
    table = measure(extended, whole.mask, some, models)
    np.testing.assert_allclose(table["effect_orange"], 0, atol=0.05)


def test_no_cells_and_no_head(whole, demo, models):
    nobody = whole.cells.iloc[:0]
    assert len(measure(open_slide(demo.slide), whole.mask, nobody, models)) == 0
    with pytest.raises(ModelError, match="needs a head"):
        measure(open_slide(demo.slide), whole.mask, nobody, load_run_models(COUNTING), settings=COUNTING)
    assert REJECTED not in whole.cells["label"].tolist()


def test_one_channel_has_no_effect_to_take_away(whole, demo, models):
    gray = slide_of(open_slide(demo.slide).region()[:1], ("gray",))
    table = measure(gray, whole.mask, whole.cells[whole.cells["qc_pass"]].head(1), models)
    assert len(table) == 1
    assert not [name for name in table if name.startswith("effect_")]
