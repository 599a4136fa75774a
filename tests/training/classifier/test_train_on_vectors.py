"""From vectors of analysed cells to a head folder with its evidence, the same whenever it is made."""

import json

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import read_held_out
from cellapp.models.load import load_model
from cellapp.pipeline.progress import no_progress
from cellapp.settings_io import read_recipe
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train_on_vectors import train_on_vectors
from cellapp.training.classifier.tune_on_cells import tune_on_cells
from cellapp.training.label_sources import labels_by_column
from cellapp.training.labelled_cells import BY_IMAGE, label_cells
from tests.training.vectors import drawn_images, kinds


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)


def labelled(images, groups=None, grouped_by=BY_IMAGE):
    labels, _ = labels_by_column(images, kinds(images), "cell_line", {"MCF7": "cancer", "MCF10A": "normal"})
    return label_cells(images, labels, groups or {image.name: image.name for image in images}, grouped_by)


def test_the_folder_holds_a_head_and_its_evidence(tmp_path):
    cells = labelled(drawn_images())
    made = train_on_vectors(cells, tmp_path / "lines", HeadRecipe(folds=3))
    head = load_model(str(tmp_path / "lines"))
    assert head.identity == made.head.identity == made.metrics["head"]
    assert head.vectors == cells.settings
    assert (head.positive, made.metrics["grouped_by"], made.metrics["n_groups"]) == ("cancer", "image", 6)
    assert json.loads((tmp_path / "lines" / "metrics.json").read_text()) == made.metrics
    assert read_held_out(tmp_path / "lines").cells == tuple(sorted(_with_digests(cells)))
    assert read_recipe(HeadRecipe, tmp_path / "lines" / "recipe.toml").encoder == cells.settings.encoder
    assert "cells of 6 images" in head.trained_on
    assert "Cells of analysed images" in (tmp_path / "lines" / "card.md").read_text()


def test_no_group_is_tested_by_a_head_that_saw_it(tmp_path):
    groups = {f"field_{k}": f"plate {k // 2}" for k in range(6)}
    train_on_vectors(labelled(drawn_images(), groups, "batch"), tmp_path / "lines", HeadRecipe(folds=3))
    calls = read_held_out(tmp_path / "lines")
    assert all(len(set(calls.folds[calls.groups == group])) == 1 for group in set(calls.groups))


def test_what_taking_batch_effects_out_has_changed_is_told(tmp_path):
    images = drawn_images(8, shift=1.0)
    groups = {image.name: f"plate {k // 4}" for k, image in enumerate(images)}
    recipe = HeadRecipe(folds=2, batch_effects="scale")
    told = train_on_vectors(labelled(images, groups, "plate"), tmp_path / "lines", recipe).metrics["batch_effects"]
    assert (told["method"], told["n_batches"]) == ("scale", 2)
    assert told["after"]["batch_share"] < told["before"]["batch_share"]


def test_mixtures_are_learnt_from_by_their_shares_and_not_fine_tuned(tmp_path):
    images = drawn_images(8)
    labels, _ = labels_by_column(images, kinds(images), "cell_line", {"MCF7": "cancer", "MCF10A": "normal"})
    labels["field_0"] = dict.fromkeys(labels["field_0"], "cancer:normal=1:2")
    cells = label_cells(images, labels, {image.name: image.name for image in images}, BY_IMAGE)
    metrics = train_on_vectors(cells, tmp_path / "lines", HeadRecipe(folds=2)).metrics
    assert metrics["n_mixtures"] == 12
    assert 0 < metrics["mixture_rmse"]["embedding"] < 1
    with pytest.raises(InputError, match="leave the mixtures out"):
        tune_on_cells(cells, {}, tmp_path / "tuned", HeadRecipe(mode="finetune"), no_progress)


def test_the_same_cells_give_the_same_bytes(tmp_path):
    images = drawn_images()
    for place in ("a", "b"):
        train_on_vectors(labelled(images), tmp_path / place / "lines", HeadRecipe(folds=2))
    for name in ("head.safetensors", "head.json", "folds.csv"):
        assert (tmp_path / "a/lines" / name).read_bytes() == (tmp_path / "b/lines" / name).read_bytes()


def test_one_image_per_class_is_trained_but_not_validated(tmp_path):
    made = train_on_vectors(labelled(drawn_images(2)), tmp_path / "lines")
    assert made.held_out is None
    assert not made.metrics["validated"]
    assert "one group only" in made.metrics["reason"]
    assert np.isfinite(load_model(str(tmp_path / "lines")).weight).all()


def test_nothing_is_written_where_the_positive_class_is_none(tmp_path):
    with pytest.raises(InputError, match="'x' is none of cancer, normal"):
        train_on_vectors(labelled(drawn_images()), tmp_path / "lines", HeadRecipe(positive="x"))
    assert not (tmp_path / "lines").exists()


def _with_digests(cells):
    return [f"{name}@{digest}" for name, digest in zip(cells.names, cells.digests, strict=True)]
