"""Ensembles: the published figures, and heads that answer as one wherever a head does."""

import json

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.head_io import load_head, save_head
from cellapp.classification.predict import predict
from cellapp.errors import InputError, ModelError
from cellapp.evaluation.held_out_calls import read_held_out
from cellapp.evaluation.mixtures import mixture_rmse
from cellapp.explanation.hirescam import attribute
from cellapp.settings import ClassifySettings
from cellapp.training.classifier.ensemble import make_ensemble
from cellapp.training.classifier.ensemble_weights import average, held_out_average, member_weights, weights_by_score
from tests.classification.heads import random_embeddings, random_head
from tests.evaluation.calls import random_calls, write_calls
from tests.paths import shared_fixture


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 4)


def read_folds(path):
    table = pd.read_csv(path).sort_values(["fold", "field"])
    shape = (table["fold"].nunique(), -1, 3)
    kinds = ("parental", "resistant", "normal")
    p, y = (table[[f"{letter}_{kind}" for kind in kinds]].to_numpy().reshape(shape) for letter in "py")
    return p, y[0], table.groupby("fold")[["fold_val_accuracy", "fold_val_f1_macro"]].first()


def test_published_ensembles_reproduce_to_four_digits():
    folder = shared_fixture("oral_cancer")
    expected = json.loads((folder / "README.json").read_text())["expected"]
    pure, truth, _ = read_folds(folder / "pure_test_predictions.csv")
    mixed, known, scores = read_folds(folder / "mixture_test_predictions.csv")
    assert (average(pure, weights_by_score([1] * 5)).argmax(axis=1) == truth.argmax(axis=1)).mean() == 1.0
    weights = {
        "mean": [1] * 5,
        "weighted_accuracy": scores["fold_val_accuracy"],
        "weighted_f1_macro": scores["fold_val_f1_macro"],
    }
    for name, of_fold in weights.items():
        rmse = mixture_rmse(average(mixed, weights_by_score(of_fold)), known)
        assert round(rmse, 4) == expected["mixture_rmse"][name], name
    assert [round(mixture_rmse(p, known), 4) for p in mixed] == expected["mixture_rmse_per_fold"]


def write_heads(folder, *, seeds=(0, 1, 2), skill=(3, 1, 2), **changes):
    """Folders of heads with held-out calls of the same folds."""
    paths = []
    for seed, one in zip(seeds, skill, strict=True):
        path = folder / f"head{seed}"
        head = save_head(random_head(seed=seed, name=path.name, calibrated=True, **changes), path)
        calls = random_calls(skill=one, noise=seed)
        write_calls(path, calls)
        (path / "metrics.json").write_text(json.dumps({"head": head.identity, "positive": "cancer"}))
        paths.append(path)
    return paths


@pytest.mark.parametrize("weighting", ["mean", "accuracy", "f1"])
def test_an_ensemble_says_the_weighted_mean_of_its_heads_in_any_order(tmp_path, weighting):
    paths = write_heads(tmp_path)
    metrics = make_ensemble(paths, tmp_path / "both", weighting)
    again = make_ensemble(paths[::-1], tmp_path / "again", weighting)["head"]
    assert again == metrics["head"].replace("both", "again")
    ensemble, heads = load_head(tmp_path / "both"), [load_head(path) for path in paths]
    embeddings = random_embeddings(20)
    expected = average([head.probabilities(embeddings.features) for head in heads], list(metrics["members"].values()))
    called = predict(ensemble, embeddings)
    np.testing.assert_allclose(called.probabilities, expected, rtol=1e-6)
    assert called.head == metrics["head"] == ensemble.identity
    assert sum(metrics["members"].values()) == pytest.approx(1)
    if weighting != "mean":
        ranked = sorted(metrics["members"], key=metrics["members"].get)
        assert [name.partition("@")[0] for name in ranked] == ["head1", "head2", "head0"]


def test_held_out_figures_of_an_ensemble_do_not_read_the_fold_they_are_of():
    calls = [random_calls(name, skill=skill, noise=skill) for name, skill in (("a", 3), ("b", 1))]
    whole = held_out_average(calls, "accuracy", "c@1")
    rows = whole.folds == 0
    expected = average(
        [c.probabilities[rows] for c in calls], member_weights("accuracy", [c.subset(~rows) for c in calls])
    )
    np.testing.assert_allclose(whole.probabilities[rows], expected)


def test_an_ensemble_is_measured_compared_and_joined_like_a_head(tmp_path):
    paths = write_heads(tmp_path)
    metrics = make_ensemble(paths[:2], tmp_path / "two")
    assert metrics["validated"]
    assert list(metrics["methods"])[0] == "ensemble"
    assert len(metrics["methods"]) == 3
    assert read_held_out(tmp_path / "two").cells == read_held_out(paths[0]).cells
    assert (
        load_head(tmp_path / "two").metrics["balanced_accuracy"]
        == metrics["methods"]["ensemble"]["balanced_accuracy"]["value"]
    )
    said = predict(load_head(tmp_path / "two"), random_embeddings(), ClassifySettings(unsure="conformal"))
    assert said.possible.shape == (5, 2)
    make_ensemble([tmp_path / "two", paths[2]], tmp_path / "three")
    nested = load_head(tmp_path / "three")
    assert sorted(nested.weights) == pytest.approx([0.25, 0.25, 0.5])
    assert "head0" in (tmp_path / "two" / "card.md").read_text()


def test_maps_add_up_to_the_mean_of_the_logits(tmp_path):
    paths = write_heads(tmp_path)
    make_ensemble(paths, tmp_path / "all")
    ensemble, embeddings = load_head(tmp_path / "all"), random_embeddings(6, grid=(3, 3))
    maps = attribute(ensemble, embeddings, "normal")
    logits = np.mean([attribute(load_head(path), embeddings, "normal").logits for path in paths], axis=0)
    np.testing.assert_allclose(maps.maps.sum(axis=(1, 2)) + maps.rest, logits, rtol=1e-4, atol=1e-5)


def test_classes_in_another_order_are_the_same_classes(tmp_path):
    save_head(random_head(seed=0, name="a"), tmp_path / "a")
    save_head(random_head(classes=("normal", "cancer"), positive="cancer", seed=1, name="b"), tmp_path / "b")
    metrics = make_ensemble([tmp_path / "a", tmp_path / "b"], tmp_path / "both")
    assert not metrics["validated"]
    features = random_embeddings().features
    a, b = load_head(tmp_path / "a").probabilities(features), load_head(tmp_path / "b").probabilities(features)
    np.testing.assert_allclose(load_head(tmp_path / "both").probabilities(features), (a + b[:, ::-1]) / 2, rtol=1e-6)


def test_heads_of_several_encoders_are_refused_where_one_is_run(tmp_path):
    save_head(random_head(name="a"), tmp_path / "a")
    save_head(random_head(name="b", encoder="other@2"), tmp_path / "b")
    assert make_ensemble([tmp_path / "a", tmp_path / "b"], tmp_path / "both")["used_by"] == "predict"
    with pytest.raises(ModelError, match="read different encoders"):
        predict(load_head(tmp_path / "both"), random_embeddings())


def test_a_damaged_ensemble_is_refused(tmp_path):
    paths = write_heads(tmp_path)
    make_ensemble(paths, tmp_path / "all")
    content = (tmp_path / "all" / "head.safetensors").read_bytes()
    (tmp_path / "all" / "head.safetensors").write_bytes(content[:-4] + b"\0\0\0\1")
    with pytest.raises(ModelError, match="does not match the sha256"):
        load_head(tmp_path / "all")


@pytest.mark.parametrize(
    ("names", "weighting", "message"),
    [
        (["head0"], "mean", "at least two different heads"),
        (["head0", "head0"], "mean", "at least two different heads"),
        (["head0", "head1"], "luck", "choose one of: mean, accuracy, f1"),
        (["head0", "other"], "mean", "take heads of the same classes"),
        (["head0", "bare"], "accuracy", "or use --weights mean"),
    ],
)
def test_what_is_no_ensemble_is_refused(tmp_path, names, weighting, message):
    write_heads(tmp_path, seeds=(0, 1), skill=(1, 2))
    save_head(random_head(classes=("x", "y"), name="other"), tmp_path / "other")
    save_head(random_head(seed=5, name="bare"), tmp_path / "bare")
    with pytest.raises(InputError, match=message):
        make_ensemble([tmp_path / name for name in names], tmp_path / "out", weighting)
    assert not (tmp_path / "out").exists()
