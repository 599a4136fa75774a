import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from pandas.testing import assert_frame_equal

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.errors import InputError
from cellapp.exports import class_files
from cellapp.exports.geojson import read_geojson
from cellapp.exports.image_folder import read_analysis, write_analysis
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import QualitySettings
from cellapp.types.cells import Analysis, LabelMask
from cellapp.types.image import Role
from tests.exports.toy import HOSTILE, SETTINGS, toy_analysis
from tests.paths import shared_data

ALWAYS = {"labels.tif", "cells.csv", "cells.parquet", "outlines.geojson", "overlay.png", "crops.zip", "run.json"}


@pytest.mark.parametrize("n", [0, 1, 9])
@pytest.mark.parametrize("classes", [(), ("cancer", "normal"), ("a", "b", HOSTILE)])
def test_every_file_is_there_whatever_was_found(tmp_path, n, classes):
    analysis, slide = toy_analysis(n, classes=classes)
    row = write_analysis(analysis, slide, tmp_path, settings=SETTINGS, seconds=2)
    expected = ALWAYS | ({"embeddings.npz"} if classes else set())
    assert {path.name for path in (tmp_path / "toy").iterdir()} == expected
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
    assert json.loads((tmp_path / "toy" / "run.json").read_text())["summary"] == row


def test_label_ids_are_the_same_in_every_file(tmp_path):
    analysis, slide = toy_analysis(9)
    write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    labels, ids = analysis.mask.labels, analysis.mask.cell_ids.tolist()
    folder = tmp_path / "toy"
    np.testing.assert_array_equal(read_labels(folder / "labels.tif", labels.shape), labels)
    np.testing.assert_array_equal(read_geojson(folder / "outlines.geojson", labels.shape), labels)
    assert pd.read_csv(folder / "cells.csv")["cell_id"].tolist() == ids
    assert pd.read_parquet(folder / "cells.parquet").index.tolist() == ids
    with np.load(folder / "embeddings.npz") as held:
        assert held["cell_ids"].tolist() == ids


def test_explained_cells_are_cut_as_the_encoder_saw_them(tmp_path):
    analysis, slide = toy_analysis(9, explained=2)
    seen = {"encoder_crop": {"mode": "window", "size_px": 32}, "encoder_angle_deg": 12.0}
    write_analysis(replace(analysis, provenance=seen), slide, tmp_path, settings=SETTINGS)
    names = {path.name for path in (tmp_path / "toy" / "explanations").iterdir()}
    assert names == {"1.png", "2.png", "maps.npz"}


def test_what_calls_rest_on_is_a_table_beside_the_maps(tmp_path):
    analysis, slide = toy_analysis(9, explained=2)
    measured = pd.DataFrame({"logit": [0.5, -1.0], "effect_=evil": [1.0, 2.0]}, index=pd.Index([1, 2], name="cell_id"))
    write_analysis(replace(analysis, compartments=measured), slide, tmp_path, settings=SETTINGS)
    kept = pd.read_csv(tmp_path / "toy" / "explanations" / "regions.csv", index_col="cell_id")
    assert_frame_equal(kept, measured)
    assert (tmp_path / "toy" / "explanations" / "maps.npz").exists()


def test_folder_is_read_back_as_it_was(tmp_path):
    analysis, slide = toy_analysis(9)
    write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    again = read_analysis(tmp_path / "toy")
    assert_frame_equal(again.cells, analysis.cells)
    np.testing.assert_array_equal(again.mask.labels, analysis.mask.labels)
    assert (again.info, again.roles, again.digest) == (analysis.info, analysis.roles, analysis.digest)
    assert (again.name, again.confluency, again.mask.segmenter) == ("toy", analysis.confluency, "made@1")


def test_failed_write_leaves_the_older_result(tmp_path, monkeypatch):
    analysis, slide = toy_analysis(4)
    write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    before = (tmp_path / "toy" / "cells.parquet").read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(class_files, "write_run", fail)
    with pytest.raises(OSError, match="disk full"):
        write_analysis(toy_analysis(9)[0], slide, tmp_path, settings=SETTINGS)
    assert (tmp_path / "toy" / "cells.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up"])
def test_name_that_is_no_folder_name_is_refused(tmp_path, name):
    analysis, slide = toy_analysis(1, name=name)
    with pytest.raises(InputError, match="safe_stem"):
        write_analysis(analysis, slide, tmp_path / "out", settings=SETTINGS)
    assert not list(tmp_path.iterdir())


def test_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="folder"):
        read_analysis(tmp_path)


@pytest.mark.parametrize(
    ("image", "truth"),
    [
        (
            "neubias_examples/xy_8bit__mitocheck_incenp_t1.tif",
            "neubias_examples/xy_8bit__mitocheck_incenp_t1_labels.tif",
        ),
        ("neubias_examples/xyc_16bit__nuclei_tubulin.tif", None),
        ("stardist_examples/histo.jpg", None),
    ],
)
def test_real_images_go_through_every_file(tmp_path, image, truth):
    slide = open_slide(shared_data(f"fields/{image}"))
    height, width = slide.info.shape[1:]
    labels = np.zeros((height, width), np.int32)
    labels[height // 4 : height // 2, width // 4 : width // 2], labels[:20, :20] = 3, 7
    mask = LabelMask(
        labels if truth is None else read_labels(shared_data(f"fields/{truth}"), (height, width)), "given@1"
    )
    cells = assess(measure(slide, mask, channels=slide.info.channels), mask, slide, QualitySettings(published=True))
    roles = (Role.OTHER,) * len(slide.info.channels)
    analysis = Analysis("real", slide.info, slide.digest, roles, mask, cells, 0.5)
    row = write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    assert row["n_cells"] == len(mask.cell_ids) > 0
    back = read_geojson(tmp_path / "real" / "outlines.geojson", (height, width))
    np.testing.assert_array_equal(back, mask.labels)
    with zipfile.ZipFile(tmp_path / "real" / "crops.zip") as archive:
        raw = tifffile.imread(io.BytesIO(archive.read(f"raw/{cells.index[0]}.tif")))
    assert str(raw.dtype) == slide.info.dtype
