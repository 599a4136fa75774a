import json
import zipfile
from dataclasses import replace

import pandas as pd
import pytest

from cellapp.errors import InputError
from cellapp.exports.apply_labels import apply_labels, summary_rows
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.tables import write_summary
from tests.exports.toy import HOSTILE, SETTINGS, toy_analysis


@pytest.fixture
def run(tmp_path):
    analysis, slide = toy_analysis(9, explained=2)
    rows = [write_analysis(analysis, slide, tmp_path, settings=SETTINGS, seconds=3)]
    other, other_slide = toy_analysis(2, name="other")
    rows.append(write_analysis(other, other_slide, tmp_path, settings=SETTINGS, seconds=4))
    write_summary(rows, tmp_path)
    return tmp_path, analysis, slide


def test_files_are_those_of_an_analysis_with_these_labels(run, tmp_path):
    out, analysis, slide = run
    apply_labels(out / "toy", slide, {1: "normal", 40: "cancer", 3: HOSTILE})
    cells = analysis.cells.copy()
    cells.loc[[1, 40, 3], "manual_label"] = ["normal", "cancer", HOSTILE]
    write_analysis(replace(analysis, cells=cells), slide, out / "again", settings=SETTINGS, seconds=3)
    for path in (out / "again" / "toy").iterdir():
        if path.is_file() and path.suffix != ".npz":
            assert (out / "toy" / path.name).read_bytes() == path.read_bytes(), path.name


def test_word_of_a_person_is_everywhere(run):
    out, _, slide = run
    row = apply_labels(out / "toy", slide, {40: "cancer"})
    folder = out / "toy"
    features = json.loads((folder / "outlines.geojson").read_text())["features"]
    named = {f["properties"]["cell_id"]: f["properties"]["classification"]["name"] for f in features}
    assert named[40] == "cancer"
    with zipfile.ZipFile(folder / "crops.zip") as archive:
        manifest = pd.read_csv(archive.open("manifest.csv"), index_col="cell_id")
    assert (manifest.loc[40, "outcome"], manifest.loc[40, "manual_label"]) == ("cancer", "cancer")
    summary = pd.read_csv(out / "summary.csv").set_index("image")
    assert summary.index.tolist() == ["other", "toy"]
    assert summary.loc["toy", "n_cancer"] == row["n_cancer"]
    assert summary.loc["toy", "seconds"] == 3
    assert (folder / "explanations" / "maps.npz").exists()


def test_empty_text_takes_it_back(run):
    out, _, slide = run
    before = {path.name: path.read_bytes() for path in (out / "toy").iterdir() if path.is_file()}
    apply_labels(out / "toy", slide, {2: "mitotic"})
    assert (out / "toy" / "cells.csv").read_bytes() != before["cells.csv"]
    apply_labels(out / "toy", slide, {2: ""})
    assert {path.name: path.read_bytes() for path in (out / "toy").iterdir() if path.is_file()} == before


def test_cells_counted_without_a_head_can_be_named(tmp_path):
    analysis, slide = toy_analysis(3, classes=())
    write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    row = apply_labels(tmp_path / "toy", slide, {1: "cancer"})
    assert (row["n_cancer"], row["fraction_cancer"]) == (1, 1.0)


@pytest.mark.parametrize(("labels", "words"), [({999: "cancer"}, "no cell 999"), ({1: "cancer"}, "another image")])
def test_what_does_not_fit_changes_nothing(run, labels, words):
    out, _, slide = run
    before = (out / "toy" / "cells.parquet").read_bytes()
    with pytest.raises(InputError, match=words):
        apply_labels(out / "toy", replace(slide, digest="1" * 64), labels)
    assert (out / "toy" / "cells.parquet").read_bytes() == before


def test_rows_come_from_finished_images_only(run):
    out, _, _ = run
    (out / "unfinished").mkdir()
    assert [row["image"] for row in summary_rows(out)] == ["other", "toy"]
