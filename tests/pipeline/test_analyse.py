import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.cells.counts import REJECTED
from cellapp.classification.cell_columns import choose_cells
from cellapp.errors import InputError, ModelError
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.segmentation.metrics import f1_score
from cellapp.settings import AnalyseSettings, ExplainSettings
from cellapp.types.image import Role
from tests.classification.heads import grid_head

pytestmark = pytest.mark.slow

SETTINGS = AnalyseSettings.model_validate({"explain": {"n": 4}})
COUNTING = AnalyseSettings.model_validate({"classify": {"head": None}})


@pytest.fixture(scope="module")
def models():
    return load_run_models(SETTINGS)


@pytest.fixture(scope="module")
def whole(demo, models):
    return analyse(open_slide(demo.slide), models, SETTINGS)


def context_of(demo, models, settings=SETTINGS):
    return make_context(open_slide(demo.slide), None, models, settings)


def save(path, pixels, names):
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite(path, pixels, metadata={"axes": "CYX", "Channel": {"Name": list(names)}, **size}, ome=True)
    return open_slide(path)


def test_rows_are_the_labels(whole):
    assert whole.cells.index.tolist() == whole.mask.cell_ids.tolist()
    assert len(whole.cells) > 20


def test_probabilities_sum_to_one_and_rejected_cells_have_none(whole):
    columns = [name for name in whole.cells if name.startswith("p_")]
    accepted = whole.cells["qc_pass"]
    np.testing.assert_allclose(whole.cells.loc[accepted, columns].sum(axis=1), 1)
    assert whole.cells.loc[~accepted, columns].isna().all(axis=None)
    assert (whole.cells.loc[~accepted, "label"] == "").all()
    assert (whole.cells.loc[~accepted, "qc_reason"] != "").all()


def test_explanations_add_up_to_the_logit_of_the_probability(whole):
    explained = whole.explanations
    assert len(explained.cell_ids) == 4
    logits = explained.maps.sum(axis=(1, 2)) + explained.rest
    p = whole.cells.loc[explained.cell_ids, f"p_{explained.target}"].to_numpy()
    # The encoder may compute in bfloat16 while explanations are float32.
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), p, atol=0.02)


def test_positions_of_named_channels_do_not_matter(tmp_path, demo, models, whole):
    slide = open_slide(demo.slide)
    order = [2, 0, 1]
    permuted = save(tmp_path / "p.ome.tif", slide.region()[order], [slide.info.channels[i] for i in order])
    again = analyse(permuted, models, SETTINGS)
    pd.testing.assert_frame_equal(again.cells[sorted(again.cells)], whole.cells[sorted(whole.cells)], rtol=1e-5)


def test_channels_declared_by_number_equal_channels_named_in_the_file(tmp_path, demo, models):
    slide = open_slide(demo.slide)
    declared = SETTINGS.model_copy(update={"channels": {"actin": 1, "cytoplasm": 2, "nucleus": 3}})
    named = analyse(slide, models, declared)
    nameless = analyse(save(tmp_path / "n.ome.tif", slide.region(), ["a", "b", "c"]), models, declared)
    assert nameless.roles == named.roles
    np.testing.assert_array_equal(nameless.mask.labels, named.mask.labels)
    assert nameless.cells["label"].tolist() == named.cells["label"].tolist()


def test_an_empty_slide_is_a_result(empty_demo, models):
    result = analyse(open_slide(empty_demo.slide), models, SETTINGS)
    assert len(result.cells) == 0
    assert {"label", "unsure", "qc_reason", "manual_label"} <= set(result.cells)
    assert result.confluency == 0
    assert len(result.explanations.cell_ids) == 0


def test_one_cell_is_a_result(tmp_path, models):
    y, x = np.mgrid[:96, :96]
    disc = (((y - 48) ** 2 + (x - 48) ** 2) < 20**2) * 200
    slide = save(
        tmp_path / "one.ome.tif", np.stack([disc, disc, disc // 2]).astype(np.uint8), ["a", "cytoplasm", "nucleus"]
    )
    result = analyse(slide, models, SETTINGS)
    assert len(result.cells) == 1
    assert result.cells["qc_pass"].all()
    assert len(result.explanations.cell_ids) == 1


def test_without_a_head_cells_are_counted(demo):
    result = analyse(open_slide(demo.slide), load_run_models(COUNTING), COUNTING)
    assert "label" not in result.cells
    assert len(result.cells) > 20
    with pytest.raises(ModelError, match="needs a head"):
        explain_cells(context_of(demo, load_run_models(COUNTING), COUNTING), result.mask, result.cells)


def test_cells_are_found_on_the_reference_and_measured_on_the_target(tmp_path, demo, models, whole):
    slide = open_slide(demo.slide)
    darker = save(tmp_path / "t.ome.tif", slide.region() // 2, slide.info.channels)
    result = analyse(slide, models, SETTINGS, target=darker)
    np.testing.assert_array_equal(result.mask.labels, whole.mask.labels)
    name = f"intensity_max_{slide.info.channels[0]}"
    np.testing.assert_array_equal(result.cells[name], whole.cells[name] // 2)
    small = save(tmp_path / "s.ome.tif", slide.region()[:, :100, :100], slide.info.channels)
    with pytest.raises(InputError, match="100"):
        analyse(slide, models, SETTINGS, target=small)


TILED = SETTINGS.model_copy(update={"segment": SETTINGS.segment.model_copy(update={"tile_px": 256})})


def test_an_image_in_tiles_gives_the_cells_classes_and_reasons_of_the_whole(demo, models, whole):
    told = []
    tiled = analyse(open_slide(demo.slide), models, TILED, lambda step, part: told.append((step, part)))
    assert f1_score(tiled.mask.labels, whole.mask.labels, 0.8) >= 0.99
    assert tiled.cells.index.tolist() == list(range(1, len(tiled.cells) + 1)) == tiled.mask.cell_ids.tolist()
    assert tiled.embeddings.cell_ids.tolist() == tiled.cells.index[tiled.cells["qc_pass"]].tolist()
    common = whole.cells.index.intersection(tiled.cells.index)
    same = whole.cells.loc[common, "label"] == tiled.cells.loc[common, "label"]
    assert same.mean() >= 0.95
    assert any(step.startswith("Finding cells, tile 2 of 4, about") for step, _ in told)
    assert [part for _, part in told] == sorted(part for _, part in told)


def test_one_tile_or_several_vectors_belong_to_the_same_cells(demo, models, whole):
    tiled = analyse(open_slide(demo.slide), models, TILED)
    rows = tiled.cells.loc[tiled.embeddings.cell_ids, ["centroid_y_px", "centroid_x_px"]].to_numpy()
    others = whole.cells.loc[whole.embeddings.cell_ids, ["centroid_y_px", "centroid_x_px"]].to_numpy()
    apart = np.hypot(*(rows[:, None] - others[None]).transpose(2, 0, 1))
    nearest, close = apart.argmin(axis=1), apart.min(axis=1) < 0.5
    assert close.mean() > 0.9
    vectors, known = tiled.embeddings.cls[close], whole.embeddings.cls
    likest = np.linalg.norm(vectors[:, None] - known[None], axis=2).argmin(axis=1)
    assert (likest == nearest[close]).mean() > 0.95  # an outline may differ by a pixel, and the vector with it


def test_the_same_input_gives_the_same_result(demo, models, whole):
    again = analyse(open_slide(demo.slide), models, SETTINGS)
    pd.testing.assert_frame_equal(again.cells, whole.cells)
    np.testing.assert_array_equal(again.explanations.maps, whole.explanations.maps)


def test_roles_are_guessed_from_names(whole):
    assert whole.roles[list(whole.info.channels).index("nucleus")] is Role.NUCLEUS


def test_provenance_names_everything_that_made_the_numbers(whole):
    facts = whole.provenance
    asked = SETTINGS.model_dump(mode="json")
    asked["explain"] |= {
        "method": "exact",
        "by_default": True,
    }  # nothing was measured, none is asked for
    assert facts["settings"] == asked
    assert all(len(sha) == 64 for sha in facts["weights_sha256"].values())
    assert facts["weights_sha256"]
    assert len(facts["input"]["sha256"]) == 64


def test_cells_worth_a_look_come_in_turn(whole):
    classes = ("cancer", "normal")
    chosen = choose_cells(whole.cells, 3, classes)
    known = whole.cells[whole.cells["label"] != ""]
    assert chosen["margin"].min() == known["margin"].min()
    assert len(chosen) == 3
    assert (chosen["qc_reason"] != REJECTED).all()
    assert len(choose_cells(whole.cells, 10_000, classes)) == len(known)


def test_both_roads_to_an_explanation_give_one_map(demo, models, whole):
    cells = whole.cells.loc[whole.explanations.cell_ids]
    library = SETTINGS.model_copy(update={"explain": ExplainSettings(method="hirescam")})
    found = explain_cells(context_of(demo, models, library), whole.mask, cells).explanations
    assert found.method != whole.explanations.method
    np.testing.assert_allclose(found.maps, whole.explanations.maps, atol=0.02 * whole.explanations.limit)


def test_a_head_that_reads_a_grid_calls_the_same_cells_and_loses_nothing_but_the_maps(demo, models, whole):
    fast = RunModels(models.segmenter, models.encoder, grid_head(models.encoder))
    result = analyse(open_slide(demo.slide), fast, SETTINGS)
    np.testing.assert_array_equal(result.mask.labels, whole.mask.labels)
    assert result.embeddings.cell_ids.tolist() == whole.embeddings.cell_ids.tolist()
    assert (result.cells["label"] != "").tolist() == (whole.cells["label"] != "").tolist()
    assert result.explanations is None
    assert result.compartments is None
    assert "makes no maps" in result.provenance["not_explained"]
    assert whole.provenance["not_explained"] is None
    with pytest.raises(ModelError, match="choose a head that reads crops"):
        explain_cells(context_of(demo, fast), result.mask, result.cells)
