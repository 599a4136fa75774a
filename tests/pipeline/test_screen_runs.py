"""`screen` on folders of runs: from images of wells to effects, hits and files."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from cellapp.exports.tables import count_row, write_cells

DOSES = "10 nM", ".1 uM", "1 uM", "10 uM"
WELLS = {
    **{f"A{column:02d}": ("DMSO", "", "negative", 0.6) for column in range(1, 9)},
    **{f"B{k + 1:02d}": ("drug", dose, "", 0.6 if k < 2 else 0.2) for k, dose in enumerate(DOSES)},
    **{f"C{column:02d}": ("nothing", "1 uM", "", 0.6) for column in range(1, 4)},
    **{f"D{column:02d}": ("poison", "1 uM", "", 0.1) for column in range(1, 4)},
}  # fmt: skip


def write_image(folder, share, n, rng, head="mine@1", scene=""):
    """An analysed image of `n` accepted cells, of which this share is cancer, and one that was rejected."""
    folder.mkdir(parents=True)
    labels = np.where(rng.random(n) < share, "cancer", "normal")
    cells = pd.DataFrame({"qc_pass": True, "area_px": 100.0 + 50 * (labels == "cancer"), "label": labels})
    cells["p_cancer"] = np.where(labels == "cancer", 0.9, 0.1)
    cells["p_normal"], cells["unsure"], cells["unlike_training"] = 1 - cells["p_cancer"], False, False
    cells.loc[n] = {"qc_pass": False, "area_px": 1.0, "label": "", "unsure": False, "unlike_training": False}
    cells.index = pd.RangeIndex(1, n + 2, name="cell_id")
    write_cells(cells, folder / "cells.parquet")
    summary = {"image": folder.name, **count_row(cells), "confluency": 0.1, "seconds": 1.0}
    image = {"name": folder.name, "scene": scene}
    (folder / "run.json").write_text(json.dumps({"settings": {}, "image": image, "summary": summary, "head": head}))


def write_plate(out, name="plate", seed=0, wells=WELLS, **options):
    rng = np.random.default_rng(seed)
    for well, (treatment, _, _, share) in wells.items():
        write_image(out / f"{name}_{well}_s1", share, 20 if treatment == "poison" else 120, rng, **options)
    return out


def write_layout(path, wells=WELLS, plates=("",)):
    rows = [(plate, well, *row[:3]) for plate in plates for well, row in wells.items()]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("plate", "well", "treatment", "dose", "control"), *rows])
    return path


@pytest.fixture
def run(tmp_path):
    return write_plate(tmp_path / "run")


@pytest.fixture
def layout(tmp_path):
    return write_layout(tmp_path / "layout.csv")


def screen(capsys, *arguments):
    status = main(["screen", *map(str, arguments), "--json"])
    said = capsys.readouterr()
    return (json.loads(said.out.strip().splitlines()[-1]) if status == 0 else said.err.strip().splitlines()[-1]), status


def test_wells_become_effects_hits_and_files(run, layout, tmp_path, capsys):
    result, status = screen(capsys, run, "--plate", layout, "--out", tmp_path / "out")
    assert status == 0
    assert (result["measure"], result["n_wells"]) == ("share of cancer", len(WELLS))
    hits = {(row["treatment"], row["dose"]): row for row in result["hits"]}
    assert set(hits) == {("drug", 1.0), ("drug", 10.0), ("poison", 1.0)}
    assert all(row["hit"] == "lower" for row in hits.values())
    assert "17% of the cells" in hits["poison", 1.0]["note"]
    (curve,) = result["dose_response"]
    assert curve["treatment"] == "drug"
    assert 0.1 <= curve["ec50"] <= 1
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"wells.csv", "effects.csv", "dose_response.csv", "screen.json", "screen.html"}
    wells = pd.read_csv(tmp_path / "out" / "wells.csv", keep_default_na=False)
    assert wells["n_cells"].tolist() == [20 if name == "poison" else 120 for name in wells["treatment"]]
    assert json.loads((tmp_path / "out" / "screen.json").read_text("utf-8"))["hits"] == result["hits"]
    page = (tmp_path / "out" / "screen.html").read_text("utf-8")
    assert page.count('class="plotly-graph-div"') == 2
    assert "<script src=" not in page


def test_what_people_read_says_the_same(run, layout, tmp_path, capsys):
    assert main(["screen", str(run), "--plate", str(layout), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "3 of 6 treatments and doses differ from the negative controls in share of cancer: 3 lower"
    )
    assert "drug 10 µM: 0." in said.out
    assert "may have killed cells" in said.out


def test_plates_are_told_apart_by_the_folders_of_their_runs(tmp_path, capsys):
    runs = [write_plate(tmp_path / name, name="x", seed=k) for k, name in enumerate(("P1", "P2"))]
    layout = write_layout(tmp_path / "layout.csv", plates=("P1", "P2"))
    result, status = screen(capsys, *runs, "--plate", layout, "--out", tmp_path / "out")
    assert status == 0
    assert {plate["plate"]: plate["n_wells"] for plate in result["plates"]} == {"P1": len(WELLS), "P2": len(WELLS)}
    (nothing,) = [row for row in result["effects"] if row["treatment"] == "nothing"]
    assert (nothing["n_wells"], nothing["n_plates"], nothing["hit"]) == (6, 2, "")


def test_a_scene_names_the_well(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for k, (well, row) in enumerate(WELLS.items()):
        write_image(tmp_path / "run" / f"measurement__s{k:02d}", row[3], 60, rng, scene=f"{well} field 1")
    layout = write_layout(tmp_path / "layout.csv")
    result, _ = screen(capsys, tmp_path / "run", "--plate", layout, "--out", tmp_path / "out")
    assert result["n_wells"] == len(WELLS)


def test_images_and_wells_without_a_counterpart_are_named(run, tmp_path, capsys):
    layout = write_layout(
        tmp_path / "layout.csv", wells={k: WELLS[k] for k in WELLS if k != "C02"} | {"H12": WELLS["C02"]}
    )
    result, _ = screen(capsys, run, "--plate", layout, "--out", tmp_path / "out")
    assert "in no well of the layout: plate_C02_s1" in result["notes"]
    assert "wells of the layout without an image: H12" in result["notes"]


@pytest.mark.parametrize(("measure", "words"), [("cells", "cells per well"), ("area_px", "median area_px")])
def test_other_measures(run, layout, tmp_path, capsys, measure, words):
    result, _ = screen(capsys, run, "--plate", layout, "--out", tmp_path / "out", "--measure", measure)
    assert result["measure"] == words
    poison = next(row for row in result["effects"] if row["treatment"] == "poison")
    assert poison["value"] == {"cells": 20, "area_px": 100}[measure]  # most of its cells are normal
    assert poison["control"] == {"cells": 120, "area_px": 150}[measure]


def test_images_of_two_heads_are_refused(run, layout, tmp_path, capsys):
    write_image(tmp_path / "other" / "x_E01", 0.5, 30, np.random.default_rng(0), head="yours@2")
    sentence, status = screen(capsys, run, tmp_path / "other", "--plate", layout, "--out", tmp_path / "out")
    assert status == 2
    assert "was analysed with the head mine@1" in sentence
    assert not (tmp_path / "out").exists()


def test_images_in_no_well_are_refused_with_what_was_read(run, tmp_path, capsys):
    layout = write_layout(tmp_path / "layout.csv", wells={"H12": ("DMSO", "", "negative", 0)})
    sentence, status = screen(capsys, run, "--plate", layout, "--out", tmp_path / "out")
    assert status == 2
    assert "no image is in a well of" in sentence
    assert "plate_A01_s1" in sentence


@pytest.mark.parametrize(
    "options", [("--alpha", "0"), ("--min-cells", "0"), ("--measure", "no such"), ("--seed", "-1"), ("--control", "x")]
)
def test_settings_that_cannot_be_are_refused(run, layout, tmp_path, capsys, options):
    sentence, status = screen(capsys, run, "--plate", layout, "--out", tmp_path / "out", *options)
    assert status == 2
    assert sentence.startswith("cellapp: ")
    assert not (tmp_path / "out").exists()


def test_a_run_without_cells_is_a_result(layout, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for well in WELLS:
        write_image(tmp_path / "run" / f"x_{well}", 0.5, 0, rng)
    result, status = screen(capsys, tmp_path / "run", "--plate", layout, "--out", tmp_path / "out")
    assert status == 0
    assert {row["effect"] for row in result["effects"]} == {None}
    assert result["hits"] == []
    assert result["sentence"] == "No well has enough cells to measure."
