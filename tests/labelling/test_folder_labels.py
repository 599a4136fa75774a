"""The folder of an analysis takes labels from a table and gives them back, without a database."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from cellapp.errors import InputError
from cellapp.exports.image_folder import write_analysis
from cellapp.labelling.folder_labels import folder_labels, image_folders, import_to_folder
from cellapp.labelling.label_table import TableLabel, read_label_table, write_label_table
from tests.exports.toy import SETTINGS, toy_analysis


@pytest.fixture
def out(tmp_path):
    for name, n in (("toy", 9), ("other", 2)):
        analysis, slide = toy_analysis(n, name=name)
        write_analysis(analysis, slide, tmp_path / "out", settings=SETTINGS)
    return tmp_path / "out"


def by_hand(out, name="toy"):
    cells = pd.read_parquet(out / name / "cells.parquet")["manual_label"]
    return cells[cells != ""].to_dict()


def test_what_is_exported_gives_the_same_when_imported(out, tmp_path):
    report = import_to_folder(
        [TableLabel("toy", "a, b", 1), TableLabel("other", "正常", 2), TableLabel("toy", "x", 40)], out
    )
    assert (report.n_added, report.n_known, report.left_out) == (3, 0, ())
    path = write_label_table(folder_labels(out), tmp_path / "labels.csv")
    lines, _ = read_label_table(path)
    assert [(one.image, one.cell_id, one.class_name) for one in lines] == [
        ("other", 2, "正常"),
        ("toy", 1, "a, b"),
        ("toy", 40, "x"),
    ]
    assert import_to_folder(lines, out).n_known == 3
    before = by_hand(out)
    import_to_folder([replace(one, class_name="z") for one in lines], out)
    import_to_folder([replace(one, cell_id=None) for one in lines], out)  # by position
    assert by_hand(out) == before


def test_tables_outlines_and_summary_follow_and_pictures_do_with_the_image(out):
    pictures = {name: (out / "toy" / name).read_bytes() for name in ("overlay.png", "crops.zip")}
    report = import_to_folder([TableLabel("toy", "debris", 1)], out)
    assert report.notes == ("toy: overlay.png and crops.zip show the classes as before; give the image too",)
    assert pd.read_csv(out / "toy" / "cells.csv", index_col="cell_id").at[1, "manual_label"] == "debris"
    assert pd.read_csv(out / "summary.csv").set_index("image").at["toy", "n_debris"] == 1
    features = json.loads((out / "toy" / "outlines.geojson").read_text())["features"]
    assert "debris" in {one["properties"]["classification"]["name"] for one in features}
    assert pictures == {name: (out / "toy" / name).read_bytes() for name in pictures}
    _, slide = toy_analysis(9)
    assert import_to_folder([TableLabel("toy", "dead", 1)], out, [slide]).notes == ()
    assert pictures["overlay.png"] != (out / "toy" / "overlay.png").read_bytes()


def test_the_latest_of_people_who_disagree_is_kept_and_they_are_counted(out):
    old, new = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    lines = [TableLabel("toy", "new", 1, who="Ada", when=new), TableLabel("toy", "old", 1, who="Bo", when=old)]
    assert "disagree about 1 cell;" in import_to_folder(lines, out).notes[0]
    assert by_hand(out) == {1: "new"}


def test_two_classes_of_one_person_for_one_cell_are_told_unless_times_say_which_is_meant(out):
    told = import_to_folder([TableLabel("toy", name, 1) for name in ("a", "b", "b")], out).notes[0]
    assert "give 1 cell two classes each; the lowest line counts" in told
    assert by_hand(out) == {1: "b"}
    times = [datetime(year, 1, 1, tzinfo=UTC) for year in (2025, 2026)]
    dated = [TableLabel("toy", name, 1, when=time) for name, time in zip("ab", times, strict=True)]
    for lines in (dated, [TableLabel("toy", "a", 1)] * 2, [TableLabel("toy", "a", k) for k in (1, 2)]):
        assert not any("two classes" in note for note in import_to_folder(lines, out).notes)


def test_lines_that_fit_nothing_are_named(out):
    rule = TableLabel("", "a", source="column dose = 5", line=6)
    lines = [
        TableLabel("nowhere", "a", 1, line=2),
        TableLabel("", "a", 1, line=3),
        TableLabel("toy", "a", 999, line=4),
        rule,
    ]
    report = import_to_folder([*lines, TableLabel("toy", "a", None, 0, 0, line=5)], out)
    assert [sentence.split(":")[0] for sentence in report.left_out] == [f"line {n}" for n in (2, 3, 4, 6, 5)]
    assert by_hand(out) == {}


def test_one_image_needs_no_name_and_its_own_folder_will_do(out):
    assert image_folders(out / "toy") == [out / "toy"]
    assert import_to_folder([TableLabel("", "a", 1)], out / "toy").n_added == 1
    with pytest.raises(InputError, match="no analysed image in"):
        image_folders(out.parent)
