"""A head is a linear function, kept on disk without loss and bound to its encoder."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import softmax

from cellapp.cells.crop_features import MEASURED
from cellapp.classification.head_io import load_head, save_head
from cellapp.errors import InputError, ModelError
from cellapp.settings import CropMode, CropSettings, FeatureSettings, PreprocessSettings
from tests.classification.heads import random_embeddings, random_head


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_with_two_classes_the_logit_is_the_log_odds(seed):
    head, features = random_head(seed=seed), random_embeddings(seed=seed).features
    weight, bias = head.contrast("cancer")
    p = softmax(head.scores(features), axis=1)[:, 0]
    np.testing.assert_allclose(features @ weight + bias, np.log(p / (1 - p)), rtol=1e-5, atol=1e-5)


def test_with_more_classes_the_logit_is_against_the_mean_of_the_others():
    head, features = random_head(classes=("a", "b", "c")), random_embeddings().features
    weight, bias = head.contrast("b")
    scores = head.scores(features)
    expected = scores[:, 1] - scores[:, [0, 2]].mean(axis=1)
    np.testing.assert_allclose(features @ weight + bias, expected, rtol=1e-5, atol=1e-5)


def test_the_logits_of_two_classes_are_opposite():
    head, features = random_head(), random_embeddings().features
    logits = [features @ head.contrast(name)[0] + head.contrast(name)[1] for name in head.classes]
    np.testing.assert_allclose(logits[0], -logits[1], atol=1e-9)


def test_an_unknown_class_names_those_there_are():
    with pytest.raises(InputError, match="'stroma'; it knows cancer, normal"):
        random_head().contrast("stroma")


def test_disk_keeps_everything(tmp_path):
    head = save_head(random_head(metrics={"auc": 0.9}, calibrated=True), tmp_path / "head")
    again = load_head(tmp_path / "head")
    features = random_embeddings().features
    np.testing.assert_array_equal(again.scores(features), head.scores(features))
    np.testing.assert_allclose(again.novelty.distance(features), head.novelty.distance(features))
    for name in (
        "name",
        "classes",
        "encoder",
        "positive",
        "crop",
        "preprocess",
        "temperature",
        "metrics",
        "calibrated",
    ):
        assert getattr(again, name) == getattr(head, name)
    assert again.identity == head.identity != random_head().identity
    assert again.novelty.limit == np.inf


def test_a_finite_limit_is_kept(tmp_path):
    head = random_head()
    save_head(replace(head, novelty=replace(head.novelty, limit=1.25)), tmp_path)
    assert load_head(tmp_path).novelty.limit == 1.25


def test_other_numbers_are_another_version(tmp_path):
    versions = {save_head(random_head(seed=seed), tmp_path / str(seed)).version for seed in range(3)}
    assert len(versions) == 3


def test_changed_tensors_are_refused(tmp_path):
    save_head(random_head(), tmp_path)
    content = bytearray((tmp_path / "head.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "head.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="does not match the sha256"):
        load_head(tmp_path)


@pytest.mark.parametrize("name", ["head.json", "head.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    save_head(random_head(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load_head(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"format": 99}, {"classes": ["one"]}, {"temperature": 0}, {"crop": {"mode": "round"}}, {"cloud": None}],
    ids=lambda change: next(iter(change)),
)
def test_a_description_that_makes_no_sense_is_refused(tmp_path, change):
    save_head(random_head(), tmp_path)
    description = json.loads((tmp_path / "head.json").read_text()) | change
    (tmp_path / "head.json").write_text(json.dumps(description))
    with pytest.raises(ModelError):
        load_head(tmp_path)


def test_shapes_are_checked_at_construction():
    with pytest.raises(ModelError, match="bias has shape"):
        replace(random_head(), bias=np.zeros(3, np.float32))
    with pytest.raises(ModelError, match="none of its classes"):
        random_head(positive="stroma")


def test_embeddings_of_another_encoder_name_both():
    with pytest.raises(ModelError, match=r"tiny@1, not on other@2"):
        random_head().check(random_embeddings(encoder="other@2"))
    with pytest.raises(ModelError, match="reads 4 dimensions; got 6"):
        random_head().check(random_embeddings(dim=6))


READS = FeatureSettings(views=8, shape=True, fit_to="crop")


def test_what_a_head_reads_is_kept(tmp_path):
    head = random_head(n_measured=len(MEASURED), reads=READS, training={"seed": 3})
    save_head(head, tmp_path)
    again = load_head(tmp_path)
    assert (again.reads, again.dim, dict(again.training)) == (READS, 4, {"seed": 3})


def test_a_head_from_before_there_was_a_choice_reads_plain_vectors(tmp_path):
    save_head(random_head(), tmp_path)
    description = json.loads((tmp_path / "head.json").read_text())
    for key in ("reads", "measured", "training"):
        del description[key]
    (tmp_path / "head.json").write_text(json.dumps(description))
    assert load_head(tmp_path).reads == FeatureSettings()


def test_measurements_this_version_does_not_make_are_refused(tmp_path):
    save_head(random_head(n_measured=len(MEASURED), reads=READS), tmp_path)
    description = json.loads((tmp_path / "head.json").read_text())
    description["measured"][0] = "colour of the sky"
    (tmp_path / "head.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match="measurements this version does not make"):
        load_head(tmp_path)


def test_vectors_made_in_another_way_are_refused():
    head = random_head(n_measured=len(MEASURED), reads=READS)
    with pytest.raises(ModelError, match="reads 8 views with 48 measurements; got 1 view without"):
        head.check(random_embeddings())


GRID = FeatureSettings(source="grid")


def test_a_head_that_reads_a_grid_is_kept_and_reads_mean_and_spread(tmp_path):
    head = random_head(reads=GRID)
    save_head(head, tmp_path)
    assert load_head(tmp_path).reads == GRID
    assert head.dim == 4
    plain = random_embeddings()
    head.check(replace(plain, cls=plain.cls[:, :0], spread_patch=plain.cls))


@pytest.mark.parametrize(
    ("reads", "message"),
    [(GRID, "reads cells where they lie on their slide"), (READS, "got 1 view without measurements of a grid")],
    ids=["crops for a grid", "a grid for crops"],
)
def test_crops_and_grids_are_not_mixed(reads, message):
    head, plain = random_head(reads=reads, n_measured=len(MEASURED) if reads.shape else 0), random_embeddings()
    pooled = replace(plain, cls=plain.cls[:, :0], spread_patch=plain.cls)
    with pytest.raises(ModelError, match=message):
        head.check(plain if reads is GRID else pooled)


@pytest.mark.parametrize(
    "change",
    [{"crop": CropSettings(mode=CropMode.MASKED)}, {"preprocess": PreprocessSettings(align=True)}],
    ids=["tight crops", "turned crops"],
)
def test_a_grid_has_plain_windows(change):
    with pytest.raises(ModelError, match="reads a grid of plain windows"):
        random_head(reads=GRID, **change)


@pytest.mark.parametrize("change", [{"views": 8}, {"shape": True}, {"fit_to": "crop"}])
def test_a_grid_is_read_in_one_way(change):
    with pytest.raises(ValidationError, match="grid over the slide needs"):
        FeatureSettings(source="grid", **change)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_cells_are_compared_with_the_training_cells_some_at_a_time(monkeypatch, n):
    head = random_head()
    features = np.random.default_rng(n).normal(size=(n, head.weight.shape[1])).astype(np.float32)
    distances = head.novelty.distance(head.standardise(features))
    head = replace(head, novelty=replace(head.novelty, limit=float(distances.mean()) if n else 1.0))
    monkeypatch.setattr("cellapp.classification.head._CELLS", 3)
    assert head.is_unlike(features).tolist() == (distances > head.novelty.limit).tolist()
