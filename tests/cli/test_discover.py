"""`discover`: the files that contracts name, from vectors, pictures and analysed folders."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from cellapp.cli import main
from cellapp.exports.embeddings import write_arrays

FEATURES, TRUTH = make_blobs(90, 10, centers=3, random_state=0)
QUICK = ["--method", "kmeans", "--map", "pca"]


def run(capsys, *arguments):
    status = main(["discover", *map(str, arguments), "--json"])
    printed = capsys.readouterr()
    return status, json.loads(printed.out.splitlines()[-1]) if not status else None, printed.err


@pytest.mark.parametrize("named_by", ["file", "cell_ids"])
def test_a_file_of_vectors(tmp_path, capsys, named_by):
    names = np.array([f"{i}.png" for i in range(90)]) if named_by == "file" else np.arange(90) + 5
    write_arrays({"features": FEATURES, named_by: names}, tmp_path / "v.npz")
    status, found, _ = run(capsys, tmp_path / "v.npz", "--out", tmp_path / "out", *QUICK)
    assert (status, found["k"]) == (0, 3)
    clusters = pd.read_csv(tmp_path / "out" / "clusters.csv")
    key = "file" if named_by == "file" else "cell_id"
    assert clusters[key].tolist() == names.tolist()
    assert adjusted_rand_score(TRUTH, clusters["cluster"]) == 1
    indices = json.loads((tmp_path / "out" / "indices.json").read_text())
    wanted = {"k", "silhouette", "davies_bouldin", "calinski_harabasz", "stability"}
    assert wanted <= set(indices)
    assert [each["k"] for each in indices["per_k"]] == list(range(1, 11))
    assert all(wanted <= set(each) for each in indices["per_k"])
    assert "<html" in (tmp_path / "out" / "map.html").read_text()[:200]


def test_columns_and_groups_of_a_table(tmp_path, capsys):
    files = [f"{i}.png" for i in range(90)]
    write_arrays({"features": FEATURES, "file": np.array(files)}, tmp_path / "v.npz")
    table = pd.DataFrame({"file": files, "line": TRUTH.astype(str), "slide": [f"s{i % 6}" for i in range(90)]})
    table.to_csv(tmp_path / "t.csv", index=False)
    asked = [tmp_path / "v.npz", "--out", tmp_path / "out", "--table", tmp_path / "t.csv", *QUICK]
    status, found, _ = run(capsys, *asked, "--group-column", "slide")
    assert status == 0
    assert found["columns"]["line"]["cramers_v"] == pytest.approx(1)
    assert found["columns"]["line"]["p_images"] <= 0.05
    assert found["columns"]["slide"]["cramers_v"] < 0.5
    tables = pd.read_csv(tmp_path / "out" / "tables.csv")
    assert set(tables["column"]) == {"line", "slide"}
    status, _, said = run(capsys, *asked, "--group-column", "plate")
    assert status == 2
    assert "no column 'plate' to group cells by; there are line, slide" in said


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] - 15.5
    for name, radius in (("large", 12), ("small", 5)):
        (tmp_path / "crops" / name).mkdir(parents=True)
        for i in range(12):
            disc = (np.hypot(y, x) < radius) * generator.uniform(150, 250)
            Image.fromarray(disc.astype(np.uint8)).save(tmp_path / "crops" / name / f"{i}.png")
    return tmp_path / "crops"


def test_pictures_by_their_vectors_and_by_an_autoencoder(pictures, tmp_path, capsys):
    (pictures / "large" / "broken.png").write_bytes(b"nothing")
    status, found, said = run(capsys, pictures, "--out", tmp_path / "out", *QUICK, "--k", "2")
    assert status == 0
    assert "large/broken.png" in said
    assert found["columns"]["class"]["cramers_v"] == pytest.approx(1)
    learning = ["--vae", "--epochs", "2", "--latent", "2", "--condition", "class"]
    status, found, _ = run(capsys, pictures, "--out", tmp_path / "learned", *QUICK, "--k", "2", *learning)
    assert status == 0
    assert found["vae"]["conditions"] == ["large", "small"]
    assert (tmp_path / "learned" / "vae" / "walks.png").is_file()


def test_an_analysed_folder_by_its_measurements(tmp_path, capsys):
    generator, side = np.random.default_rng(0), np.repeat([10.0, 30.0], 20)
    for image in ("a", "b"):
        cells = pd.DataFrame({"area_px": side + generator.normal(size=40), "qc_pass": np.arange(40) != 3})
        cells = cells.assign(solidity=generator.normal(size=40) * 1e-3, label="normal")
        (tmp_path / "run" / image).mkdir(parents=True)
        cells.rename_axis("cell_id").to_parquet(tmp_path / "run" / image / "cells.parquet")
    asked = [tmp_path / "run", "--out", tmp_path / "out", *QUICK, "--k", "2"]
    status, found, _ = run(capsys, *asked, "--measured")
    assert (status, found["n_cells"]) == (0, 78)
    clusters = pd.read_csv(tmp_path / "out" / "clusters.csv")
    assert clusters["image"].tolist() == ["a"] * 39 + ["b"] * 39
    assert json.loads((tmp_path / "out" / "indices.json").read_text())["measured"] == "area_px, solidity"
    status, _, said = run(capsys, *asked)
    assert status == 2
    assert "has no vectors" in said
    for key in ("file", "image"):
        (tmp_path / "images.csv").write_text(f"{key},line\nslides/a.ome.tif,one\nb,two\n")
        status, found, _ = run(capsys, *asked, "--measured", "--table", tmp_path / "images.csv")
        assert (status, set(found["columns"])) == (0, {"label", "line"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["v.npz", "--vae"], "an autoencoder learns from pictures"),
        (["v.npz", "--condition", "line"], "give --vae, too"),
        (["v.npz", "--measured"], "measurements are in folders that `analyse` wrote"),
        (["v.npz", "--k", "none"], "k"),
        (["v.npz", "--method", "dbscan"], "dbscan"),
        (["text.npz"], "no file of vectors"),
        (["other.npz"], "no array 'features'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(tmp_path, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    np.savez("v.npz", features=FEATURES, cell_ids=np.arange(90))
    np.savez("other.npz", numbers=FEATURES)
    (tmp_path / "text.npz").write_text("no zip")
    status, _, printed = run(capsys, *arguments, "--out", "out", *(QUICK if "--method" not in arguments else []))
    assert status == 2
    assert said in printed
    assert printed.count("\n") == 1
