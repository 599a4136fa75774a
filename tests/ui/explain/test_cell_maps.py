"""Which cells are offered for explanation, and which stored maps count."""

from types import SimpleNamespace

import numpy as np
import pytest

from cellapp.explanation.methods import METHODS
from cellapp.exports.explanations import maps_path, write_maps
from cellapp.settings import ExplainSettings
from cellapp.types.cells import Explanations
from cellapp.ui.explain import cell_maps
from cellapp.ui.explain.cell_maps import common_limit
from cellapp.ui.explain.offered_cells import explainable
from tests.ui.tables import cell_table


def classified(n, seed=0):
    cells = cell_table(n, seed, images=("a",))
    p = cells["p_cancer"].where(cells["qc_pass"])
    return cells.assign(cell_id=np.arange(1, n + 1), stem="a", p_cancer=p, p_normal=1 - p, margin=(2 * p - 1).abs())


def explanations(cell_ids, *, target="cancer", method="hirescam", scale=1.0, seed=0):
    maps = np.random.default_rng(seed).normal(size=(len(cell_ids), 3, 3)).astype(np.float32) * scale
    rest = np.ones(len(cell_ids), np.float32)
    return Explanations(maps, rest, maps.sum((1, 2)) + 1, np.array(cell_ids, np.int32), target, method)


def store(folder, found, *, later=False):
    path = maps_path(folder, found.target) if later else folder / "explanations" / "maps.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_maps(found, path)


def test_maps_made_later_beat_those_of_the_run_and_other_kinds_do_not_count(tmp_path):
    store(tmp_path, explanations([1, 2], seed=1))
    later = explanations([2, 3], seed=2)
    store(tmp_path, later, later=True)
    store(tmp_path, explanations([1], target="normal"), later=True)
    stored = cell_maps.stored_explanations(tmp_path, "cancer")
    assert sorted(stored) == [1, 2, 3]
    np.testing.assert_array_equal(stored[2].map, later.maps[0])
    assert stored[2].logit == pytest.approx(float(stored[2].map.sum()) + stored[2].rest, abs=1e-5)
    assert cell_maps.stored_explanations(tmp_path / "nowhere", "cancer") == {}


def test_maps_of_another_method_are_not_shown_beside_signed_ones(tmp_path):
    store(tmp_path, explanations([1], method="gradcam"))
    assert cell_maps.stored_explanations(tmp_path, "cancer") == {}


def test_maps_of_each_method_and_layer_are_kept_apart(tmp_path):
    hows = [ExplainSettings(), ExplainSettings(method="gradcam"), ExplainSettings(method="gradcam", layer=1)]
    methods = ["hirescam", "gradcam:pytorch-grad-cam", "gradcam:pytorch-grad-cam at layer 1"]
    for number, (how, method) in enumerate(zip(hows, methods, strict=True)):
        write_maps(explanations([number + 1], method=method), maps_path(tmp_path, "cancer", how))
    for number, how in enumerate(hows):
        assert list(cell_maps.stored_explanations(tmp_path, "cancer", how)) == [number + 1]
    same = ExplainSettings(method="hirescam")
    assert list(cell_maps.stored_explanations(tmp_path, "cancer", same)) == [1]


def test_the_scale_spans_the_maps_of_every_image_and_of_the_page(tmp_path):
    results = SimpleNamespace(folder=tmp_path, version=(("a", 0), ("b", 0)))
    assert common_limit(results, {}, target="cancer") == 0
    store(tmp_path / "a", explanations([1], scale=1.0))
    loud = explanations([1], scale=5.0)
    store(tmp_path / "b", loud)
    assert common_limit(results, {}, target="cancer") == pytest.approx(np.abs(loud.maps).max())
    here = {7: cell_maps.CellExplanation(np.full((2, 2), -99.0), 0.0, 0.0, "cancer")}
    assert common_limit(results, here, target="cancer") == 99


def test_without_models_only_cells_with_a_map_are_offered(tmp_path):
    cells, results = classified(6), SimpleNamespace(folder=tmp_path)
    assert len(explainable(results, cells, "cancer", models=True)) == 6
    assert explainable(results, cells, "cancer", models=False).empty
    store(tmp_path / "a", explanations([2, 5]))
    assert explainable(results, cells, "cancer", models=False)["cell_id"].tolist() == [2, 5]


def test_stored_maps_are_read_and_no_model_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(cell_maps, "_computed", lambda *_: pytest.fail("computed"))
    store(tmp_path / "a", explanations([1, 2, 3]))
    results, cells = SimpleNamespace(folder=tmp_path, version=(("a", 0),), provenance={}), classified(3)
    explained = cell_maps.cell_explanations(results, None, cells.iloc[:2], target="cancer")
    assert sorted(explained) == [1, 2]


@pytest.mark.parametrize(("seconds", "long"), [(0.5, False), (50.0, True), (None, False)])
def test_maps_go_to_the_worker_when_classifying_was_slow(seconds, long):
    summary = {"n_cells": 10, "n_rejected": 0}
    results = SimpleNamespace(provenance={"seconds": {"classify": seconds}, "summary": summary})
    assert cell_maps.takes_long(results, 5) == long


def test_maps_of_a_slow_method_go_to_the_worker_where_others_are_made_at_once():
    results = SimpleNamespace(provenance={"seconds": {"classify": 0.5}, "summary": {"n_cells": 10, "n_rejected": 0}})
    long = {name for name in METHODS if cell_maps.takes_long(results, 5, name)}
    assert long == {"integrated-gradients", "occlusion"}
