"""From labelled pictures to a head folder with its evidence."""

import json

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.input_features import CYTOSKELETON
from cellapp.errors import InputError, ModelError
from cellapp.explanation.methods import explain
from cellapp.models.load import load_model
from cellapp.settings_io import read_recipe
from cellapp.training.classifier.baselines import FOREST, FOREST_WITH_MOMENTS, UNTRAINED
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import BY_FILE
from cellapp.training.classifier.train import train_head
from cellapp.training.encode_dataset import N_STATISTICS, intensity_statistics
from tests.encoders.tiny import write_encoder
from tests.training.pictures import write_pictures

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    """Intervals have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("cells"), n_groups=12, per_group=2)


@pytest.fixture(scope="module")
def trained(encoder, pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("heads") / "sizes"
    recipe = HeadRecipe(encoder=str(encoder), features="both", views=1, baselines=True, folds=3)
    return out, train_head(pictures, out, recipe)


def test_the_folder_holds_everything(trained):
    out, metrics = trained
    names = {"head.json", "head.safetensors", "metrics.json", "folds.csv", "recipe.toml", "card.md"}
    names |= {"errors.csv", "curves.json", "training_cells.json", "training_cells.safetensors"}
    assert {path.name for path in out.iterdir()} == names
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert read_recipe(HeadRecipe, out / "recipe.toml").folds == 3


def test_cells_of_two_sizes_are_told_apart(trained):
    _, metrics = trained
    assert metrics["methods"]["embedding and shape"]["auc"]["value"] > 0.9
    assert list(metrics["methods"])[0] == metrics["method"] == "embedding and shape"
    assert {UNTRAINED, FOREST, FOREST_WITH_MOMENTS, "embedding", "shape"} < set(metrics["methods"])


def test_the_head_remembers_what_made_it(trained, encoder):
    head = load_model(str(trained[0]))
    assert head.identity == trained[1]["head"]
    assert head.positive == "cancer"
    assert head.crop.size_px == 40
    assert head.reads.fit_to == "crop"
    assert (head.training["n"], head.training["grouped_by"], head.training["seed"]) == (24, "group", 0)
    assert "24 pictures of single cells, 12 cancer, 12 normal from 12 groups (group)" in head.trained_on
    head.check_encoder(load_model(str(encoder)))


def test_held_out_calls_can_be_audited(trained):
    table = pd.read_csv(trained[0] / "folds.csv")
    assert table.groupby("group")["fold"].nunique().max() == 1
    assert table["sha256"].str.len().eq(64).all()
    np.testing.assert_allclose(table[["p_cancer", "p_normal"]].sum(axis=1), 1)
    assert set(table["truth"]) == {"cancer", "normal"}


def test_the_card_says_who_is_positive_and_that_it_is_no_diagnosis(trained):
    card = (trained[0] / "card.md").read_text()
    assert 'positive class "cancer"' in card
    assert "not for diagnosis" in card
    assert f"| {FOREST} |" in card


def test_the_same_pictures_give_the_same_head(encoder, pictures, tmp_path):
    recipe = HeadRecipe(encoder=str(encoder), views=1)
    heads = [train_head(pictures, tmp_path / name / "same", recipe)["head"] for name in "ab"]
    assert heads[0] == heads[1]


def test_pictures_without_groups_are_split_by_file_with_a_warning(encoder, tmp_path):
    folder = write_pictures(tmp_path / "cells", index=None)
    metrics = train_head(folder, tmp_path / "out", HeadRecipe(encoder=str(encoder), views=1))
    assert (metrics["warning"], metrics["grouped_by"], metrics["n_groups"]) == (BY_FILE, None, 24)
    assert BY_FILE in (tmp_path / "out" / "card.md").read_text()


def test_a_head_that_reads_descriptors_of_the_cytoskeleton_opens_again_and_reads_what_it_was_trained_on(
    encoder, pictures, tmp_path
):
    recipe = HeadRecipe(encoder=str(encoder), features="cytoskeleton", views=1)
    metrics = train_head(pictures, tmp_path / "out", recipe)
    assert metrics["method"] == "embedding and cytoskeleton"
    head = load_model(str(tmp_path / "out"))
    assert head.reads.cytoskeleton
    reading = load_model(str(encoder)).reading(head.reads)
    crops = np.random.default_rng(0).random((2, 3, reading.input_px, reading.input_px), np.float32)
    embeddings = reading.embed(crops, np.arange(2, dtype=np.int32))
    assert embeddings.measured.shape == (2, len(CYTOSKELETON))
    head.check(embeddings)
    weight, bias = head.contrast(head.positive)
    explained = explain(reading, head, crops, embeddings.cell_ids, method="gradcam")
    np.testing.assert_allclose(explained.logits, embeddings.features @ weight + bias, rtol=5e-3)
    with pytest.raises(ModelError, match="with 39 measurements"):
        head.check(load_model(str(encoder)).embed(crops, embeddings.cell_ids))


def test_one_group_per_class_is_not_validated(encoder, tmp_path):
    folder = write_pictures(tmp_path / "cells", n_groups=2)
    metrics = train_head(folder, tmp_path / "out", HeadRecipe(encoder=str(encoder), views=1, baselines=True))
    assert not metrics["validated"]
    assert metrics["methods"] == {}
    assert "one group only" in (tmp_path / "out" / "card.md").read_text()
    assert not (tmp_path / "out" / "folds.csv").exists()


def test_the_positive_class_is_the_one_that_was_named(encoder, pictures, tmp_path):
    metrics = train_head(pictures, tmp_path / "out", HeadRecipe(encoder=str(encoder), views=1, positive="normal"))
    assert metrics["positive"] == load_model(str(tmp_path / "out")).positive == "normal"
    with pytest.raises(InputError, match="'stroma' is none of cancer, normal"):
        train_head(pictures, tmp_path / "no", HeadRecipe(encoder=str(encoder), positive="stroma"))


def test_a_damaged_picture_is_left_out_and_named(encoder, tmp_path):
    folder = write_pictures(tmp_path / "cells")
    (folder / "cancer" / "00_1.tif").write_bytes(b"not a picture")
    metrics = train_head(folder, tmp_path / "out", HeadRecipe(encoder=str(encoder), views=1))
    assert metrics["n"] == 23
    assert len(metrics["left_out"]) == 1
    assert metrics["left_out"][0].startswith("cancer/00_1.tif: ")


def test_a_class_without_a_readable_picture_is_refused(encoder, tmp_path):
    folder = write_pictures(tmp_path / "cells", n_groups=2, per_group=1)
    (folder / "cancer" / "00_0.tif").write_bytes(b"not a picture")
    with pytest.raises(InputError, match="no picture of class 'cancer' can be read"):
        train_head(folder, tmp_path / "out", HeadRecipe(encoder=str(encoder)))


def test_a_head_is_no_encoder(pictures, tmp_path):
    with pytest.raises(InputError, match="'demo-head' is a head and no encoder"):
        train_head(pictures, tmp_path, HeadRecipe(encoder="demo-head"))


def test_intensity_statistics_are_eleven_per_channel_and_know_absolute_brightness():
    raw = np.random.default_rng(0).integers(0, 200, (3, 9, 11)).astype(np.uint8)
    assert intensity_statistics(raw).shape == (3 * N_STATISTICS,)
    brighter = intensity_statistics(raw.astype(float) + 7) - intensity_statistics(raw.astype(float))
    shifted = np.zeros((11, 3)) + np.array([7, 0, 7, 7, 7, 7, 7, 7, 7, 0, 0])[:, None]
    np.testing.assert_allclose(brighter, shifted.ravel(), atol=1e-9)
    assert np.isfinite(intensity_statistics(np.zeros((1, 4, 4)))).all()


def test_a_failure_while_writing_leaves_what_was_there(encoder, pictures, tmp_path, monkeypatch):
    out = tmp_path / "heads" / "mine"
    out.mkdir(parents=True)
    (out / "notes.txt").write_text("of the laboratory")
    monkeypatch.setattr("cellapp.training.classifier.write_fitted.write_head_report", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_head(pictures, out, HeadRecipe(encoder=str(encoder), views=1))
    assert [path.name for path in out.parent.rglob("*")] == ["mine", "notes.txt"]
