import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.classification.head_io import save_head
from cellapp.cli import main
from cellapp.cli.options import build_settings
from cellapp.config import app_settings
from cellapp.models.load import load_model
from tests.classification.heads import grid_head
from tests.paths import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_number_format():
    """On a busy machine two homes may measure different ones to be the faster, and round differently."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLAPP_DTYPE", "float32")
        app_settings.cache_clear()
        yield
    app_settings.cache_clear()


@pytest.fixture(scope="module")
def results(demo, tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    assert main(["analyse", str(demo.slide.parent / "*.tif"), "--out", str(out), "--explain", "3", "--json"]) == 0
    return out


def last_json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_analyse_writes_every_file_of_the_contract(results):
    assert {path.name for path in results.iterdir()} == {"summary.csv", "demo"}
    names = {path.name for path in (results / "demo").iterdir()}
    promised = {"labels.tif", "cells.csv", "cells.parquet", "outlines.geojson", "overlay.png", "crops.zip", "run.json"}
    assert promised | {"explanations"} <= names
    assert len(list((results / "demo" / "explanations").glob("*.png"))) == 3


def test_files_of_one_image_agree_about_its_cells(results):
    folder = results / "demo"
    cells = pd.read_csv(folder / "cells.csv")
    ids = set(cells["cell_id"])
    assert set(np.unique(tifffile.imread(folder / "labels.tif"))) - {0} == ids
    features = json.loads((folder / "outlines.geojson").read_text())["features"]
    assert {feature["properties"]["cell_id"] for feature in features} == ids
    with zipfile.ZipFile(folder / "crops.zip") as bundle:
        assert bundle.testzip() is None
        manifest = pd.read_csv(bundle.open("manifest.csv"))
        assert set(manifest["cell_id"]) == ids
    summary = pd.read_csv(results / "summary.csv").iloc[0]
    assert summary["n_cells"] == len(ids)
    parts = [summary[f"n_{name}"] for name in ("cancer", "normal", "unsure", "rejected")]
    assert sum(parts) == len(ids)
    low, middle, high = (summary[f"fraction_cancer{end}"] for end in ("_low", "", "_high"))
    assert 0 <= low <= middle <= high <= 1


def test_the_demo_slide_is_segmented_as_its_truth_says(results, demo, capsys):
    assert main(["score", "segmentation", str(results / "demo" / "labels.tif"), str(demo.labels), "--json"]) == 0
    assert last_json(capsys)["mean"]["ap50"] >= 0.9


def test_segment_gives_the_labels_of_analyse(results, demo, tmp_path):
    assert main(["segment", str(demo.slide), "--out", str(tmp_path)]) == 0
    labels = tifffile.imread(tmp_path / "demo" / "labels.tif")
    np.testing.assert_array_equal(labels, tifffile.imread(results / "demo" / "labels.tif"))


def test_run_json_repeats_the_run(results, demo, tmp_path):
    settings = results / "demo" / "run.json"
    assert main(["analyse", str(demo.slide), "--out", str(tmp_path), "--settings", str(settings)]) == 0
    for name in ("cells.csv", "labels.tif", "outlines.geojson", "crops.zip"):
        assert (tmp_path / "demo" / name).read_bytes() == (results / "demo" / name).read_bytes(), name


def test_embed_and_predict_read_exported_crops(results, tmp_path, capsys):
    with zipfile.ZipFile(results / "demo" / "crops.zip") as bundle:
        raw = [name for name in bundle.namelist() if name.startswith("raw/")][:5]
        bundle.extractall(tmp_path / "crops", raw)
    assert main(["embed", str(tmp_path / "crops"), "--out", str(tmp_path / "v.npz"), "--json"]) == 0
    with np.load(tmp_path / "v.npz") as vectors:
        assert len(vectors["cls"]) == 5
        assert vectors["file"].tolist() == sorted(raw)
    assert main(["predict", str(tmp_path / "crops"), "--head", "demo-head", "--out", str(tmp_path / "p.csv")]) == 0
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.columns.tolist() == ["file", "label", "p_cancer", "p_normal", "unsure", "unlike_training"]
    np.testing.assert_allclose(table["p_cancer"] + table["p_normal"], 1)
    capsys.readouterr()


def test_a_prediction_does_not_depend_on_the_other_files(results, tmp_path):
    with zipfile.ZipFile(results / "demo" / "crops.zip") as bundle:
        raw = [name for name in bundle.namelist() if name.startswith("raw/")][:4]
        bundle.extractall(tmp_path / "many", raw)
        bundle.extract(raw[2], tmp_path / "one")
    for folder in ("many", "one"):
        main(["predict", str(tmp_path / folder), "--head", "demo-head", "--out", str(tmp_path / f"{folder}.csv")])
    many, one = (pd.read_csv(tmp_path / f"{name}.csv").set_index("file") for name in ("many", "one"))
    np.testing.assert_allclose(many.loc[one.index, "p_cancer"], one["p_cancer"], atol=1e-2)


def test_an_image_without_cells_says_what_was_tried_wherever_its_count_is_told(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "blank.tif", np.full((64, 64), 20, np.uint8))
    command = ["analyse", str(tmp_path / "blank.tif"), "--segmenter", "classical", "--head", "none", "--json"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    note = json.loads(captured.out.splitlines()[-1])["images"][0]["note"]
    assert "no cells were found" in note
    assert f"cellapp: blank: {note}" in captured.err
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["note"].tolist() == [note]
    assert json.loads((tmp_path / "out" / "blank" / "run.json").read_text())["summary"]["note"] == note
    assert main(["segment", str(tmp_path / "blank.tif"), "--segmenter", "classical", "--out", str(tmp_path / "s")]) == 0
    assert note in capsys.readouterr().err


@pytest.fixture
def fast_head(tmp_path):
    """The folder of a head that reads windows of a slide."""
    save_head(grid_head(load_model("cell-vit")), tmp_path / "fast")
    return str(tmp_path / "fast")


def test_asking_a_fast_head_for_maps_costs_no_more_than_the_maps(demo, fast_head, tmp_path, capsys):
    command = ["analyse", str(demo.slide), "--segmenter", "classical", "--head", fast_head, "--explain", "2"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "not explained: head 'fast' reads cells where they lie" in capsys.readouterr().err
    folder = tmp_path / "out" / "demo"
    assert not (folder / "explanations").exists()
    calls = set(pd.read_csv(folder / "cells.csv")["label"].dropna())
    assert calls
    assert calls <= {"cancer", "normal"}
    with np.load(folder / "embeddings.npz") as vectors:
        np.testing.assert_array_equal(
            vectors["features"], np.concatenate([vectors["mean_patch"], vectors["spread_patch"]], axis=1)
        )


def test_a_fast_head_calls_no_pictures_of_single_cells(fast_head, tmp_path, capsys):
    assert main(["predict", str(tmp_path), "--head", fast_head, "--out", str(tmp_path / "p.csv")]) == 1
    assert "choose a head that reads crops" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["analyse", "nowhere.tif", "--out", "o"], 2, "nowhere.tif"),
        (["analyse", "--out", "o"], 2, "INPUT"),
        (["frobnicate"], 2, "frobnicate"),
        (["demo", "--out", "o", "--size", "12by3"], 2, "12by3"),
        (["demo", "--out", "o", "--density", "3"], 2, "density"),
        (["models", "show", "no-such-model"], 2, "no-such-model"),
        (["predict", "no-folder", "--head", "demo-head", "--out", "o.csv"], 2, "no-folder"),
        (["score", "segmentation", "a.tif", "b.tif"], 2, "a.tif"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(arguments, status, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert words in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "home"])


def test_one_bad_file_among_good_ones_fails_softly(demo, tmp_path, capsys):
    (tmp_path / "bad.tif").write_text("text")
    status = main(
        ["analyse", str(demo.slide), str(tmp_path / "bad.tif"), "--out", str(tmp_path / "o"), "--head", "none"]
    )
    assert status == 1
    assert "bad" in capsys.readouterr().err
    assert (tmp_path / "o" / "demo" / "cells.csv").exists()


def test_options_win_over_settings_and_defaults_exist_once(tmp_path):
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"segment": {"segmenter": "classical", "diameter": 40}, "um_per_px": 0.5}))
    settings = build_settings(base=file, diameter=20, preprocess="clahe, denoise", channels="nucleus=3", head="none")
    assert settings.segment.diameter == 20
    assert settings.um_per_px == 0.5
    assert settings.preprocess.clahe
    assert not settings.preprocess.clip
    assert settings.channels == {"nucleus": 3}
    assert settings.classify.head is None


def test_the_demo_slide_is_adjustable(tmp_path):
    options = ["--size", "96x128", "--n-channels", "4", "--dtype", "uint8", "--um-per-px", "1", "--density", "0.3"]
    assert main(["demo", "--out", str(tmp_path), *options]) == 0
    pixels = tifffile.imread(tmp_path / "demo.tif")
    assert (pixels.shape, pixels.dtype) == ((4, 96, 128), np.uint8)


def test_readme_names_every_command(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    main(["--help"])
    listed = capsys.readouterr().out.split("Commands:")[1]
    commands = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert len(commands) >= 10
    assert [name for name in commands if f"cellapp {name}" not in text] == []


def test_doctor_finds_nothing_wrong_here(capsys):
    assert main(["doctor", "--json"]) == 0
    assert last_json(capsys)["problems"] == []


def test_models_list_names_the_bundled_ones(capsys):
    assert main(["models", "list", "--json"]) == 0
    states = {model["name"]: model["state"] for model in last_json(capsys)["models"]}
    assert states["cell-vit"] == states["demo-head"] == "bundled"


def test_segment_writes_run_lengths_and_a_log(demo, tmp_path, capsys):
    """Of two images, one of which is none: the table equals that of `rle encode`, the log has a line for each."""
    broken, log, out = tmp_path / "broken.tif", tmp_path / "logs" / "segment.log", tmp_path / "out"
    broken.write_bytes(b"II*\0")
    inputs = [str(demo.slide), str(broken), "--segmenter", "classical", "--out", str(out)]
    for _ in range(2):  # the second adds to the log
        assert main(["segment", *inputs, "--rle", "--log", str(log)]) == 1
    assert main(["rle", "encode", str(out), "--out", str(tmp_path / "again.csv")]) == 0
    assert (out / "images.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert "2 images, segmenter classical" in lines[0]
    assert any("INFO demo: " in line and "cells in" in line for line in lines[1:3])
    assert any("ERROR broken: " in line for line in lines[1:3])


def test_a_log_tells_why_nothing_was_done(tmp_path, capsys):
    log = tmp_path / "segment.log"
    assert main(["segment", str(tmp_path / "absent.tif"), "--out", str(tmp_path / "out"), "--log", str(log)]) == 2
    assert "ERROR" in log.read_text()
    assert "absent.tif" in log.read_text()
