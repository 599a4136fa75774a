"""Every benchmark runs at a small size, agrees on both sides and prints one JSON object per claim."""

import json

import numpy as np
import pytest

from benchmarks import cells, classify, compare, embed, first_result, freed_memory, hirescam, rescore, slide_windows
from cellapp.models.load import load_model
from cellapp.training.synthetic_cells import CROP, find_cells, random_settings
from tests.classification.heads import grid_head, random_head

pytestmark = pytest.mark.slow

TINY = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": 28,
    "patch_size": 14,
}


def consistent(figures, *names):
    for name in names:
        assert 0 < figures[f"{name}_min"] <= figures[name] <= figures[f"{name}_max"]


def test_sides_are_timed_in_turn_after_one_warm_up():
    calls = []
    figures = compare.paired(lambda: calls.append("ours"), lambda: calls.append("theirs"), runs=3)
    assert calls == ["ours", "theirs"] * 4
    assert figures["runs"] == 3
    consistent(figures, "ratio", "cpu_ratio")


def test_a_report_is_one_json_object_that_names_claim_and_machine(capsys):
    compare.report("claim", ">= 2", ratio=3.0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    told = json.loads(lines[0])
    assert (told["claim"], told["target"], told["ratio"]) == ("claim", ">= 2", 3.0)
    assert {"date", "machine", "load_1_min"} <= set(told)


def test_cells_cuts_the_same_as_full_masks():
    figures = cells.against_full_masks(side_px=400, n=50, sample=5, runs=1)
    assert figures["same_areas_and_crops"]
    assert figures["n_cells"] == 50
    consistent(figures, "ratio", "cpu_ratio")
    flat = cells.cost_per_cell(side_px=400, few=20, many=60, runs=1)
    assert flat["one_cell_s"] > 0
    consistent(flat, "ratio")


def test_memory_is_kept_or_returned_in_processes_of_their_own():
    figures = freed_memory.compare(64, runs=1, environment=freed_memory.AS_DASK, name="dask")
    consistent(figures, "dask_cpu_ratio")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_embed_agrees_with_the_usual_loop(dtype):
    figures = embed.compare(TINY, n=5, runs=1, dtype=dtype)
    assert figures["lowest_cosine"] >= 0.999
    assert figures["crops_per_s"] > 0
    consistent(figures, "ratio", "cpu_ratio")


def test_operations_are_those_of_the_formula(tmp_path):
    encoder = embed.HubEncoder(embed.write_encoder(tmp_path, TINY), name="tiny", revision="1")
    tokens, dim, layers = 1 + 4, 16, 2
    linear = 2 * tokens * layers * (4 * dim**2 + 2 * 2 * dim**2)
    attention = 4 * tokens**2 * dim * layers
    convolution = 2 * 4 * dim * 3 * 14**2
    assert embed.operations(encoder) == linear + attention + convolution


def test_share_of_a_matrix_product_is_positive():
    figures = embed.share_of_matrix_product(TINY, n=2, runs=1, side=64)
    consistent(figures, "share", "cpu_share")


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_maps_agree_with_the_library(dtype, limit):
    figures = hirescam.compare(TINY | {"image_size": 56}, n=3, runs=1, dtype=dtype)
    assert figures["largest_difference_of_scaled_maps"] <= limit
    consistent(figures, "ratio", "cpu_ratio")
    consistent(hirescam.over_inference(TINY, n=2, runs=1), "cost", "cpu_cost")


def test_the_maps_of_a_run_are_of_the_logits_its_classes_are_of():
    figures = hirescam.over_classifying(n=8, runs=1)
    assert figures["n_cells"] == 8
    assert figures["largest_difference_of_p"] < 0.02
    consistent(figures, "cost", "cpu_cost")


def test_a_missing_cell_would_be_noticed():
    pixels, mask = np.ones((4, 120, 120), np.uint8), cells.discs(4, 120)
    table, crops = cells.ours(pixels, mask)
    areas, theirs = cells.full_masks(pixels, mask, range(1, 5))
    assert areas == table["area_px"].tolist()
    assert [one.shape for one in theirs] == [one.shape for one in crops.pixels]


def test_slide_windows_and_crops_embed_the_same_cells():
    encoder = load_model("cell-vit")
    slides = [find_cells(random_settings(seed, side_px=256), load_model("classical")) for seed in (1, 2)]
    of_crops = random_head(encoder.dim, encoder=encoder.identity, crop=CROP)
    figures = slide_windows.compare(slides, encoder, of_crops, grid_head(encoder), runs=1)
    assert figures["n_cells"] == sum(len(found.cells) for found in slides)
    assert {"ours_auc", "theirs_auc", "ours_balanced_accuracy", "theirs_balanced_accuracy"} <= set(figures)
    assert 0 <= figures["same_calls"] <= 1
    consistent(figures, "ratio", "cpu_ratio")
    itself = slide_windows.compare(slides, encoder, of_crops, of_crops, runs=1)
    assert itself["same_calls"] == 1
    assert itself["ours_auc"] == itself["theirs_auc"]


def test_first_result_is_that_of_a_process_of_its_own():
    figures = first_result.first_result(side_px=160, runs=1, warm_ups=0, options=("--segmenter", "classical"))
    assert figures["n_cells"] >= 1
    assert {"segment", "measure", "classify"} <= set(figures["fastest_seconds_by_step"])
    assert sum(figures["fastest_seconds_by_step"].values()) < figures["wall_s"]
    consistent(figures, "wall_s", "cpu_s")


def test_rescore_gives_the_same_classes_again():
    figures = rescore.measure(300)
    assert figures["same_again"]
    assert 200 < figures["n_classified"] < 300
    assert figures["cpu_s"] > 0


def test_a_job_is_compared_with_the_passes_its_networks_made_in_it():
    figures = classify.over_networks(side_px=400, runs=1, tile_px=256)
    assert figures["n_cells"] >= figures["n_crops"] > 0
    assert figures["segmenter_median_cpu_s"] > 0
    assert figures["ratio"] > figures["ratio_without_crops"] > 1
    consistent(figures, "ratio", "ratio_without_crops")


def test_the_share_of_a_whole_classification_is_positive():
    figures = classify.share_of_matrix_product(TINY, side_px=256, runs=1, matrix=64)
    assert figures["n_cells"] > 0
    consistent(figures, "cpu_share")


def test_a_process_that_keeps_its_models_does_the_same_job_without_loading():
    figures = classify.second_job(side_px=200, runs=1)
    assert figures["kept_median_cpu_s"] < figures["loaded_median_cpu_s"]
    consistent(figures, "cpu_ratio")
