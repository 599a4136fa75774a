"""What calls rest on agrees with the calls themselves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.counts import REJECTED
from cellapp.errors import Cancelled, ModelError
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.pipeline.maps_of_cells import maps_of_cells
from cellapp.settings import AnalyseSettings
from tests.cells.toy import slide_of

pytestmark = pytest.mark.slow

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


def test_leaving_out_channel_effects_leaves_maps_and_compartments_as_they_are(whole, demo, models):
    context, some = make_context(open_slide(demo.slide), None, models, SETTINGS), whole.cells[whole.cells["qc_pass"]]
    explained = explain_cells(context, whole.mask, some.head(3))
    quick = explain_cells(context, whole.mask, some.head(3), channel_effects=False)
    assert not [name for name in quick.compartments if name.startswith("effect_") or name.endswith("_actin")]
    pd.testing.assert_frame_equal(quick.compartments, explained.compartments[list(quick.compartments)])
    np.testing.assert_array_equal(quick.explanations.maps, explained.explanations.maps)


def test_batches_leave_no_trace_and_report_progress(whole, demo, models, monkeypatch):
    context, some = make_context(open_slide(demo.slide), None, models, SETTINGS), whole.cells[whole.cells["qc_pass"]]
    at_once = explain_cells(context, whole.mask, some.head(5))
    monkeypatch.setattr("cellapp.pipeline.maps_of_cells._BATCH", 2)
    fractions = []
    in_parts = explain_cells(context, whole.mask, some.head(5), on_step=lambda _, part: fractions.append(part))
    assert fractions == [0, 0.4, 0.8]
    pd.testing.assert_frame_equal(in_parts.compartments, at_once.compartments, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(in_parts.explanations.maps, at_once.explanations.maps, rtol=1e-4, atol=1e-4)
    alone = maps_of_cells(context, whole.mask, some.head(5), models.head.positive)
    for name in ("maps", "rest", "logits", "cell_ids"):
        expected = getattr(at_once.explanations, name)
        np.testing.assert_allclose(getattr(alone, name), expected, rtol=1e-4, atol=1e-4)


def test_a_cancel_between_batches_passes_through(whole, demo, models):
    def stop(step, fraction):
        raise Cancelled("enough")

    context = make_context(open_slide(demo.slide), None, models, SETTINGS)
    with pytest.raises(Cancelled):
        explain_cells(context, whole.mask, whole.cells.head(1), on_step=stop)


def test_the_class_asked_for_comes_before_that_of_the_settings_and_of_the_head(whole, demo, models):
    of_settings = SETTINGS.model_copy(update={"explain": SETTINGS.explain.model_copy(update={"target": "normal"})})
    for settings, asked, expected in (
        (SETTINGS, None, models.head.positive),
        (of_settings, None, "normal"),
        (of_settings, "cancer", "cancer"),
    ):
        context = make_context(open_slide(demo.slide), None, models, settings)
        explanations, compartments = explain_cells(context, whole.mask, whole.cells.head(1), asked)
        assert explanations.target == expected
        assert compartments["target"].tolist() == [expected]


def test_the_effect_of_a_channel_is_that_of_a_head_that_drops_it(whole, demo, models):
    """Setting a channel of processed crops to zero is what dropping it while cutting does."""
    slide, some = open_slide(demo.slide), whole.cells[whole.cells["qc_pass"]].head(2)
    table = measure(slide, whole.mask, some, models)
    for name in slide.info.channels:
        crop = models.head.crop.model_copy(update={"drop_channels": (name,)})
        without = measure(slide, whole.mask, some, replace(models, head=replace(models.head, crop=crop)))
        np.testing.assert_allclose(table["logit"] - without["logit"], table[f"effect_{name}"], atol=0.02)


def test_the_table_is_of_the_exact_maps_whatever_makes_the_pictures(whole, demo, models):
    library = SETTINGS.model_copy(update={"explain": SETTINGS.explain.model_copy(update={"method": "hirescam"})})
    some = whole.cells[whole.cells["qc_pass"]].head(2)
    tables = [measure(open_slide(demo.slide), whole.mask, some, models, settings=s) for s in (SETTINGS, library)]
    pd.testing.assert_frame_equal(*tables)
