"""On cells that differ by a known part alone findings name that part, and taking away anything else changes nothing."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_opening

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation.compartments import compartment_table
from cellapp.explanation.findings import findings
from cellapp.explanation.methods import explain
from cellapp.explanation.removal import CutCell, without_nucleus
from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline.context import make_context
from cellapp.pipeline.removals import mean_levels, without_each
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings, FeatureSettings
from cellapp.synthetic.cell import render_cell
from cellapp.synthetic.field import as_slide
from cellapp.synthetic.layout import PlacedCell
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.classifier.logistic_regression import fit_logistic
from cellapp.types.cells import Crops
from tests.classification.heads import random_head

pytestmark = pytest.mark.slow

N_TRAIN, N_TEST, N_IMAGES = 70, 18, 6  # pairs of cells, one of each class
EACH = FeatureSettings(channels_as="each")
CHANNELS, CLASSES = ("actin", "cytoplasm", "nucleus"), ("normal", "cancer")
NUCLEAR = 0.25  # of the nucleus channel; a nucleus is two to three times as bright


def draw(part, numbers):
    """Pairs of cells as crops, alike but for the part: fibres in any direction, no neighbours, no noise."""
    pixels, cells, truth = [], [], []
    for number, cancer in ((number, cancer) for number in numbers for cancer in (False, True)):
        settings = SyntheticSettings(seed=number, cell_diameter_um=24, differ_by=part)
        drawn = render_cell(settings, PlacedCell(1, (number, 0, 0, 0), 60.0, 60.0, settings.diameter_px / 2, cancer))
        inside = drawn.radius < 1
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        pixels.append(np.clip(drawn.channels * inside, 0, 1)[(slice(None), *box)].astype(np.float32))
        core = binary_opening(drawn.channels[2][box] > NUCLEAR, iterations=2) & inside[box]
        cells.append(CutCell(pixels[-1], inside[box], core, (2,)))
        truth.append(CLASSES[cancer])
    return Crops(pixels, np.arange(len(pixels), dtype=np.int32), CHANNELS), cells, np.array(truth, dtype=object)


def probe(encoder, crops, truth, roles):
    """A linear probe on the bundled encoder, each channel by itself."""
    vectors = encoder.embed(encoder_input(crops, roles, encoder.input_px, "each"), crops.cell_ids).features
    scaler, regression = fit_logistic(vectors, (truth == "cancer").astype(int), 0.1)
    half, bias = regression.coef_[0] / 2, regression.intercept_[0] / 2
    return replace(
        random_head(dim=vectors.shape[1] // 2, classes=CLASSES, reads=EACH, positive="cancer", temperature=1.0),
        weight=np.stack([-half, half]).astype(np.float32),
        bias=np.array([-bias, bias], np.float32),
        mean=scaler.mean_.astype(np.float32),
        std=scaler.scale_.astype(np.float32),
    )


@pytest.fixture(scope="module")
def encoder():
    """The bundled encoder, which reads no plane twice: most are the same before and after a removal."""
    other, known = copy(load_model("cell-vit", dtype="float32")), {}
    infer = other._infer

    def remembered(crops):
        keys = [one.tobytes() for one in crops]
        new = {key: one for key, one in zip(keys, crops, strict=True) if key not in known}
        if new:
            known.update(zip(new, infer(np.stack(list(new.values()))), strict=True))
        return np.stack([known[key] for key in keys])

    other._infer = remembered
    return other.reading(EACH)


@pytest.fixture(scope="module", params=["cytoskeleton", "nucleus"])
def found(request, encoder):
    slide, settings = as_slide(np.zeros((3, 8, 8), np.uint16), SyntheticSettings()), AnalyseSettings()
    context = make_context(slide, None, RunModels(Classical()), settings)
    training, _, classes = draw(request.param, range(1000, 1000 + N_TRAIN))
    head = replace(probe(encoder, training, classes, context.roles), encoder=f"{encoder.name}@{encoder.revision}")
    context = replace(context, models=RunModels(Classical(), encoder, head))
    crops, cells, truth = draw(request.param, range(N_TEST))
    exact = explain(
        encoder, head, encoder_input(crops, context.roles, encoder.input_px, "each"), crops.cell_ids, "cancer"
    )
    table = compartment_table(exact, [one.inside for one in cells], [one.nucleus for one in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.pipeline.removals.PARTS", {"nucleus": without_nucleus})
        table = table.join(without_each(context, crops, cells, exact, mean_levels(cells, len(CHANNELS))).table)
    images = [f"image{k % N_IMAGES}" for k in np.arange(len(cells)) // 2]
    return request.param, findings(table.assign(stem=images, truth=truth), "cancer")


def test_without_the_cause_accuracy_is_chance_and_without_anything_else_it_stays(found):
    part, told = found
    rows = told.tables["removals"].set_index("name")
    causes = ["channel_actin"] if part == "cytoskeleton" else ["channel_nucleus", "nucleus"]
    others = rows.drop(index=causes)
    before = rows["auc_before"].iloc[0]
    assert before > 0.8
    assert (rows.loc[causes, "auc_after"] < 0.65).all(), rows.to_string()
    assert (rows.loc[causes, "accuracy_after"] < 0.65).all(), rows.to_string()
    assert (others["auc_after"] > before - 0.12).all(), rows.to_string()
    assert others["rho"].min() > rows.loc[causes, "rho"].max() + 0.2


def test_the_sentences_tell_it(found):
    part, told = found
    text = " ".join(told.sentences["removals"])
    rows = told.tables["removals"].set_index("name")
    name = "channel_actin" if part == "cytoskeleton" else "channel_nucleus"
    title = name.replace("channel_", "the channel ")
    assert f"With {title} removed, the mean p(cancer) goes from" in text
    assert f"AUC from {rows['auc_before'].iloc[0]:.2f} to {rows.loc[name, 'auc_after']:.2f}" in text
