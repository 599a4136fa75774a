import json

import numpy as np
import pytest
from hypothesis import given, settings

from cellapp.cells.quality import assess
from cellapp.errors import InputError
from cellapp.exports import geojson
from cellapp.exports.geojson import read_geojson, write_geojson
from cellapp.exports.kept_outlines import reclassify_geojson
from cellapp.rendering.colours import CLASS_COLOURS, rgb
from cellapp.settings import QualitySettings
from tests.cells.toy import label_arrays, measured
from tests.exports.toy import HOSTILE, toy_analysis

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@given(labels=label_arrays())
@settings(max_examples=40, deadline=None)
def test_labels_survive_the_way_through_polygons(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("geojson") / "outlines.geojson"
    mask, pixels, cells = measured(labels)
    write_geojson(mask, assess(cells, mask, pixels, QualitySettings()), path)
    np.testing.assert_array_equal(read_geojson(path, labels.shape), labels)


def test_holes_islands_and_broken_pieces_survive(tmp_path):
    analysis, _ = toy_analysis()
    path = write_geojson(analysis.mask, analysis.cells, tmp_path / "o.geojson")
    np.testing.assert_array_equal(read_geojson(path, analysis.mask.labels.shape), analysis.mask.labels)
    shapes = {f["properties"]["cell_id"]: f["geometry"] for f in json.loads(path.read_text())["features"]}
    assert shapes[1]["type"] == "Polygon"
    assert shapes[77]["type"] == "MultiPolygon"
    assert sorted(len(polygon) for polygon in shapes[77]["coordinates"]) == [1, 1, 2]


def test_features_speak_quapths_language(tmp_path):
    analysis, _ = toy_analysis(classes=("cancer", HOSTILE))
    path = write_geojson(analysis.mask, analysis.cells, tmp_path / "o.geojson", classes=("cancer", HOSTILE))
    features = {f["properties"]["cell_id"]: f for f in json.loads(path.read_text())["features"]}
    assert sorted(features) == analysis.cells.index.tolist()
    border = features[40]["properties"]
    assert border["objectType"] == "detection"
    assert border["classification"] == {"name": "rejected", "color": list(rgb(CLASS_COLOURS["rejected"]))}
    assert "p_cancer" not in border["measurements"], "a missing probability is left out, JSON knows no NaN"
    called = next(f["properties"] for f in features.values() if f["properties"]["classification"]["name"] == HOSTILE)
    cell = analysis.cells.loc[called["cell_id"]]
    assert called["measurements"][f"p_{HOSTILE}"] == cell[f"p_{HOSTILE}"]
    assert called["measurements"]["area_px"] == cell["area_px"]


def test_each_line_is_as_the_json_of_python_has_it(tmp_path):
    analysis, _ = toy_analysis(classes=("cancer", HOSTILE))
    path = write_geojson(analysis.mask, analysis.cells, tmp_path / "o.geojson", classes=("cancer", HOSTILE))
    lines = [line.rstrip(",\n") for line in path.read_text().splitlines() if line.startswith('{"type": "Feature"')]
    assert lines[1:] == [json.dumps(json.loads(line)) for line in lines[1:]]


@pytest.mark.parametrize("n", [0, 1])
def test_zero_and_one_cell(tmp_path, n):
    analysis, _ = toy_analysis(n)
    path = write_geojson(analysis.mask, analysis.cells, tmp_path / "o.geojson")
    assert len(json.loads(path.read_text())["features"]) == n
    np.testing.assert_array_equal(read_geojson(path, analysis.mask.labels.shape), analysis.mask.labels)


def square(x, y, side, **properties):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


def write(path, tree):
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return path


def test_outlines_drawn_elsewhere_get_ids_after_the_known_ones_and_are_cut_at_the_edge(tmp_path):
    features = [square(-3, -3, 5), square(4, 4, 2, cell_id=9), square(0.4, 6.4, 0.9, measurements={"cell_id": 3.0})]
    labels = read_geojson(write(tmp_path / "o.geojson", features), (8, 8))
    assert {int(i): int((labels == i).sum()) for i in np.unique(labels) if i} == {10: 4, 9: 4, 3: 1}


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("not json", "no GeoJSON"),
        ({"features": [{"type": "Feature"}]}, "no GeoJSON"),
        ({"features": [{"geometry": None}]}, "without a geometry"),
        ([{"geometry": {"type": "Point", "coordinates": [1, 2]}}], "has a Point"),
        ([{"geometry": {"type": "Polygon", "coordinates": [[["a", "b"]]]}}], "pairs of numbers"),
        ([{"geometry": {"type": "Polygon", "coordinates": [[[1e999, 0], [0, 1], [1, 1]]]}}], "not finite"),
        ([square(0, 0, 2, cell_id=1), square(4, 4, 2, cell_id=1)], "its own cell_id"),
    ],
)
def test_what_holds_no_outlines_is_refused(tmp_path, tree, words):
    with pytest.raises(InputError, match=words):
        read_geojson(write(tmp_path / "o.geojson", tree), (8, 8))


@pytest.mark.parametrize("n_cells", [0, 1, 9])
@pytest.mark.parametrize("at_a_time", [1, 2, 9])
def test_cells_taken_a_few_at_a_time_are_written_as_all_at_once(tmp_path, monkeypatch, n_cells, at_a_time):
    analysis, _ = toy_analysis(n_cells)

    def written():
        return write_geojson(analysis.mask, analysis.cells, tmp_path / "o.geojson", classes=("cancer",)).read_bytes()

    at_once = written()
    assert len(analysis.cells) < geojson.CELLS_AT_A_TIME
    monkeypatch.setattr(geojson, "CELLS_AT_A_TIME", at_a_time)
    assert written() == at_once


def test_peak_memory_does_not_follow_the_number_of_cells(tmp_path):
    import tracemalloc

    labels = np.kron(np.arange(1, 626).reshape(25, 25), np.ones((6, 6), int)).astype(np.int32)
    labels[::6], labels[:, ::6] = 0, 0
    mask, pixels, cells = measured(labels)
    cells = assess(cells, mask, pixels, QualitySettings())
    write_geojson(mask, cells, tmp_path / "first.geojson")  # what is imported and kept at the first call does not count
    tracemalloc.start()
    path = write_geojson(mask, cells, tmp_path / "o.geojson")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * path.stat().st_size


@pytest.mark.parametrize("n", [0, 1, 9])
def test_other_classes_give_the_file_that_would_be_written_anew(n, tmp_path):
    before, after = (toy_analysis(n, classes=classes)[0] for classes in (("cancer", "normal"), ("a, b", HOSTILE, "c")))
    write_geojson(before.mask, before.cells, tmp_path / "file.geojson", classes=("cancer", "normal"))
    assert reclassify_geojson(tmp_path / "file.geojson", after.cells, classes=("a, b", HOSTILE, "c"))
    write_geojson(after.mask, after.cells, tmp_path / "anew.geojson", classes=("a, b", HOSTILE, "c"))
    assert (tmp_path / "file.geojson").read_bytes() == (tmp_path / "anew.geojson").read_bytes()


def test_outlines_of_other_cells_are_left_as_they_are(tmp_path):
    analysis, _ = toy_analysis(9)
    path, cells = tmp_path / "file.geojson", analysis.cells
    assert not reclassify_geojson(path, cells)
    write_geojson(analysis.mask, cells, path)
    before = path.read_bytes()
    for others in (cells.iloc[1:], cells.iloc[:-1], cells.iloc[::-1]):
        assert not reclassify_geojson(path, others)
        assert path.read_bytes() == before
