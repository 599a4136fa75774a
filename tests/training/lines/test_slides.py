"""Slides as bags of cells: what marks a slide is found in its cells, which nobody has labelled."""

import json

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.cli import main
from cellapp.errors import InputError
from cellapp.exports.embeddings import write_embeddings
from cellapp.settings import VectorSettings
from cellapp.training.lines.slides import slide_bags
from cellapp.types.cells import Embeddings

LABELS = ("relapse", "stable")


def write_slides(folder, n=24, cells=30, *, marked=6, seed=0, encoder="cell-vit@1"):
    """Slides of two labels in three batches; a fifth of the cells of one label have a mark of their own."""
    generator, rows = np.random.default_rng(seed), []
    for k in range(n):
        name, label = f"slide_{k:02d}", LABELS[k % 2]
        ids = np.arange(1, cells + 1, dtype=np.int32)
        vectors = generator.normal(size=(cells, 5)).astype(np.float32) + generator.normal() * 0.2
        if label == "relapse":
            vectors[:marked, 0] += 6
        out = folder / name
        out.mkdir(parents=True)
        boxes = pd.DataFrame(np.outer(ids, (10, 5, 12, 7)), ids, BOX_COLUMNS).assign(qc_pass=True)
        boxes.rename_axis("cell_id").to_parquet(out / "cells.parquet")
        write_embeddings(Embeddings(vectors, -vectors, ids, encoder), out / "embeddings.npz")
        run = {"vectors": VectorSettings().model_dump(mode="json"), "settings": {}, "image": {}, "summary": {}}
        (out / "run.json").write_text(json.dumps(run))
        rows.append({"image": f"{name}.tif", "line": label, "batch": f"day {k % 3}"})
    pd.DataFrame(rows).to_csv(folder.parent / f"{folder.name}.csv", index=False)
    return folder.parent / f"{folder.name}.csv"


def test_labels_of_slides_are_learned_from_their_cells_alone(tmp_path, capsys):
    table = write_slides(tmp_path / "known")
    asked = ["lines", "train", str(tmp_path / "known"), "--table", str(table), "--out", str(tmp_path / "net")]
    assert main([*asked, "--epochs", "120", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["of"], metrics["n_sequences"], metrics["lines"]) == ("cells", 24, list(LABELS))
    assert metrics["batch_separated"]["accuracy"] >= 0.9
    attention = pd.read_csv(tmp_path / "net" / "attention.csv")
    assert attention.groupby("file")["weight"].sum().to_numpy() == pytest.approx(np.ones(24), rel=1e-4)
    relapse = attention[attention["file"].str[-2:].astype(int) % 2 == 0]
    assert relapse.loc[relapse.groupby("file")["weight"].idxmax(), "cell_id"].le(6).mean() > 0.9
    assert (attention["y"] == 10 * attention["cell_id"]).all()

    write_slides(tmp_path / "new", n=6, seed=1)
    asked = ["lines", "predict", str(tmp_path / "new"), "--model", str(tmp_path / "net"), "--out", str(tmp_path / "p")]
    assert main([*asked, "--json"]) == 0
    said = pd.read_csv(tmp_path / "p" / "predictions.csv")
    assert said["place"].tolist() == [f"slide_{k:02d}" for k in range(6)]
    assert (said["called"] == [LABELS[k % 2] for k in range(6)]).mean() >= 5 / 6


def test_what_does_not_fit_is_said_in_one_line(tmp_path, capsys):
    table = write_slides(tmp_path / "known", n=4, cells=3)
    for more, said in (([], "say with --table"), (["--table", str(table), "--encoder", "x"], "leave --encoder out")):
        assert main(["lines", "train", str(tmp_path / "known"), "--out", str(tmp_path / "net"), *more]) == 2
        assert said in capsys.readouterr().err
    rows = pd.read_csv(table)
    other = tmp_path / "other.csv"
    for changed, said in (
        (rows.assign(image="elsewhere.tif"), "names no image"),
        (rows.drop(columns="batch"), "no line or no batch"),
        (rows.drop(columns="image"), "needs a column image"),
    ):
        changed.to_csv(other, index=False)
        with pytest.raises(InputError, match=said):
            slide_bags(tmp_path / "known", other, labelled=True)
    bags, encoder = slide_bags(tmp_path / "known", None, labelled=False)
    assert (len(bags), encoder) == (4, "cell-vit@1")
