"""`analyse --regions`: cells of the regions only, which run.json, summary.csv and regions.geojson tell."""

import json

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from cellapp.regions.geojson import to_geojson
from cellapp.segmentation.label_image import read_labels
from cellapp.segmentation.limit import cell_centres
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions


@pytest.fixture(scope="module")
def slide(demo):
    return demo.slide


@pytest.fixture(scope="module")
def truth(demo):
    return demo.slide.parent / "truth_labels.tif"


def half(keep=True):
    """Everything left of column 512."""
    corners = ((0, 0), (512, 0), (512, 4000), (0, 4000), (0, 0))
    return to_geojson(DrawnRegions((DrawnRegion("half", ((corners,),), keep),)))


def analysed(slide, truth, out, *more):
    args = ["analyse", str(slide), "--out", str(out), "--head", "none", "--labels", str(truth), *map(str, more)]
    assert main(args) == 0
    return out / pd.read_csv(out / "summary.csv")["image"][0]


def test_cells_counts_and_files_are_those_of_the_regions(slide, truth, tmp_path, capsys):
    (tmp_path / "any.geojson").write_text(json.dumps(half()))
    out = tmp_path / "out"
    folder = analysed(slide, truth, out, "--regions", tmp_path / "any.geojson")
    assert "cells in regions, 1 kept" in capsys.readouterr().out
    ids, _, x = cell_centres(read_labels(truth))
    cells, run = pd.read_csv(folder / "cells.csv"), json.loads((folder / "run.json").read_text())
    assert (
        cells["cell_id"].tolist() == ids[x < 512].tolist() == np.unique(read_labels(folder / "labels.tif"))[1:].tolist()
    )
    row = pd.read_csv(out / "summary.csv").iloc[0]
    told = run["regions"]
    assert (row["regions"], row["regions_area_px"]) == ("1 kept", 512 * run["image"]["shape"][1])
    assert row["cells_per_mm2"] == pytest.approx(len(cells) / told["area_mm2"])
    assert told["kept"] == ["half"]
    before = (folder / "labels.tif").stat().st_mtime_ns
    analysed(slide, truth, out, "--regions", out, "--resume")  # the regions of its own folder are the same
    assert (folder / "labels.tif").stat().st_mtime_ns == before
    (tmp_path / "any.geojson").write_text(json.dumps(half(keep=False)))
    analysed(slide, truth, out, "--regions", tmp_path / "any.geojson", "--resume")
    assert pd.read_csv(folder / "cells.csv")["cell_id"].tolist() == ids[x >= 512].tolist()
    plain = analysed(slide, truth, tmp_path / "plain")
    assert json.loads((plain / "run.json").read_text())["settings_digest"] == run["settings_digest"]
    assert not (plain / "regions.geojson").exists()
    assert "regions" not in json.loads((plain / "run.json").read_text())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("other.geojson", half(), "no regions in 'folder'; give a folder"),
        ("{stem}.geojson", {"type": "FeatureCollection"}, "no GeoJSON with regions"),
        ("{stem}.geojson", None, "cannot be read as GeoJSON"),
    ],
)
def test_what_fits_no_image_is_refused(name, content, told, slide, truth, tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    stem = slide.name.partition(".")[0]
    (folder / name.format(stem=stem)).write_text("{" if content is None else json.dumps(content))
    args = ["analyse", str(slide), "--out", str(tmp_path / "out"), "--labels", str(truth), "--regions", str(folder)]
    assert main(args) == 2
    assert told in capsys.readouterr().err


def test_a_folder_has_a_file_for_each_image_and_one_without_features_takes_it_whole(slide, truth, tmp_path):
    (tmp_path / f"{slide.name.partition('.')[0]}.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    folder = analysed(slide, truth, tmp_path / "out", "--regions", tmp_path)
    assert len(pd.read_csv(folder / "cells.csv")) == len(cell_centres(read_labels(truth))[0])
