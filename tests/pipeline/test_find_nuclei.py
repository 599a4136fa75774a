"""Nuclei are found in the nucleus channel, once, and kept beside the label image of the cells."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.exports.image_folder import NUCLEI
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.context import make_context
from cellapp.pipeline.find_nuclei import find_nuclei, kept_nuclei
from cellapp.pipeline.provenance import settings_digest
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Role

SMALL = SyntheticSettings(height=200, width=200, cell_diameter_um=20, seed=2, touching=0)


@pytest.fixture(scope="module")
def slide():
    raw, truth, _ = render_field(SMALL)
    context = make_context(as_slide(raw, SMALL), None, RunModels(Classical()), AnalyseSettings())
    return context, LabelMask(truth.astype(np.int32), "truth")


def test_most_whole_cells_have_a_nucleus_inside_them(slide):
    context, mask = slide
    nuclei = find_nuclei(context, mask).labels
    assert ((nuclei == 0) | (nuclei == mask.labels)).all()
    found = np.isin(mask.cell_ids, nuclei)
    assert found.mean() >= 0.9
    shares = [(nuclei == i).sum() / (mask.labels == i).sum() for i in mask.cell_ids[found]]
    assert 0.1 < np.median(shares) < 0.5


def test_without_a_nucleus_channel_there_are_none_and_without_cells_no_nuclei(slide):
    context, mask = slide
    nobody = LabelMask(np.zeros_like(mask.labels), "truth")
    assert not find_nuclei(context, nobody).labels.any()
    assert find_nuclei(replace(context, roles=(Role.OTHER, Role.CYTOPLASM, Role.OTHER)), mask) is None


def test_they_are_found_once(slide, tmp_path, monkeypatch):
    context, mask = slide
    first = kept_nuclei(tmp_path, context, mask)
    np.testing.assert_array_equal(read_labels(tmp_path / NUCLEI), first.labels)
    monkeypatch.setattr("cellapp.pipeline.find_nuclei.find_nuclei", lambda *_: pytest.fail("found again"))
    np.testing.assert_array_equal(kept_nuclei(tmp_path, context, mask).labels, first.labels)


def test_describing_adds_columns_and_keeps_the_nuclei_and_changes_nothing_else(slide):
    context, _ = slide
    asked = AnalyseSettings.model_validate({"classify": {"head": None}, "describe": True})
    plain = AnalyseSettings.model_validate({"classify": {"head": None}})
    described, whole = (analyse(context.slide, RunModels(Classical()), settings) for settings in (asked, plain))
    assert described.cells[whole.cells.columns].equals(whole.cells)
    added = set(described.cells) - set(whole.cells)
    assert {"n_nuclei", "nucleus_to_cell", "fibre_order_actin", "texture_entropy_nucleus"} <= added
    assert whole.nuclei is None
    assert described.nuclei.labels.any()
    assert "describe" not in plain.model_dump()
    assert settings_digest(asked) != settings_digest(plain)
