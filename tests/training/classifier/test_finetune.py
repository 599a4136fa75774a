"""From labelled pictures to a head with an encoder of its own, and from there to calls and maps."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.ensemble import EnsembleHead
from cellapp.classification.head_io import save_head
from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.errors import Cancelled, InputError, ModelError
from cellapp.explanation import methods
from cellapp.models.bundle import load_models_to_embed, load_run_models
from cellapp.models.load import load_encoder_of, load_model
from cellapp.pipeline.predict_crops import predict_crops
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings
from cellapp.training.classifier.finetune import FINE_TUNED, Trainings
from cellapp.training.classifier.recipe import FineTuning, HeadRecipe
from cellapp.training.classifier.train import CHECKPOINTS, train_head
from tests.encoders.tiny import write_encoder
from tests.training.pictures import write_pictures

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    """Intervals have tests of their own; a busy machine may measure another number format as the faster one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLAPP_DTYPE", "float32")
        app_settings.cache_clear()
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def setting(few_resamples, tmp_path_factory):
    """A head that was fine-tuned, and what it was made of."""
    folder = tmp_path_factory.mktemp("tuning")
    encoder = write_encoder(folder / "encoder")
    pictures = write_pictures(folder / "cells", n_groups=8, per_group=3)
    tuning = FineTuning(epochs=2, batch=8, encoder_rate=1e-3)
    recipe = HeadRecipe(mode="finetune", encoder=str(encoder), views=1, folds=2, finetune=tuning)
    return SimpleNamespace(
        encoder=encoder,
        pictures=pictures,
        recipe=recipe,
        out=folder / "mine",
        metrics=train_head(pictures, folder / "mine", recipe),
    )


def test_the_folder_holds_the_head_its_encoder_and_the_curves(setting):
    names = {path.name for path in setting.out.iterdir()}
    assert names >= {"head.json", "head.safetensors", "encoder", "epochs.json", "metrics.json", "folds.csv", "card.md"}
    assert CHECKPOINTS not in names
    fits = json.loads((setting.out / "epochs.json").read_text())["fits"]
    assert [fit["name"] for fit in fits] == ["fold 1", "fold 2", "all cells"]
    assert [fit["best"] for fit in fits[:2]] == setting.metrics["fine_tuning"]["best_epochs"]
    assert list(setting.metrics["methods"]) == [FINE_TUNED, "embedding"]
    assert str(setting.encoder) in json.loads((setting.out / "head.json").read_text())["training"]["fine_tuned_from"]


def test_the_head_calls_pictures_wherever_its_folder_lies(setting, tmp_path):
    moved = shutil.copytree(setting.out, tmp_path / "elsewhere")
    here, there = (predict_crops(setting.pictures, str(folder)) for folder in (setting.out, moved))
    pd.testing.assert_frame_equal(here, there)
    assert (here["label"] == [file.split("/")[0] for file in here["file"]]).mean() > 0.8


def test_runs_load_the_head_with_its_encoder_and_name_the_digests(setting):
    settings = AnalyseSettings(segment=SegmentSettings(segmenter="classical"))
    own = settings.model_copy(update={"classify": ClassifySettings(head=str(setting.out))})
    models = load_run_models(own)
    assert models.encoder.identity == models.head.encoder == f"mine/encoder@{models.encoder.revision}"
    assert len(models.weights[f"{setting.out}/encoder/model.safetensors"]) == 64
    other = ClassifySettings(head=str(setting.out), encoder=str(setting.encoder))
    with pytest.raises(ModelError, match="brings its own encoder"):
        load_run_models(settings.model_copy(update={"classify": other}))
    named = ClassifySettings(head=str(setting.out), encoder=str(setting.out / "encoder"))
    assert load_run_models(settings.model_copy(update={"classify": named})).encoder.identity == models.encoder.identity
    assert load_models_to_embed(models.head.vectors).encoder.identity == models.encoder.identity


def test_a_changed_or_missing_encoder_is_refused(setting, tmp_path):
    moved = shutil.copytree(setting.out, tmp_path / "moved")
    with (moved / "encoder" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="sha256 differs"):
        load_encoder_of(load_model(str(moved)))
    (moved / "encoder" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="lacks"):
        load_encoder_of(load_model(str(moved)))


def test_an_ensemble_takes_the_encoders_of_its_members_along(setting, tmp_path):
    tuned = load_model(str(setting.out))
    train_head(setting.pictures, tmp_path / "plain", HeadRecipe(encoder=str(setting.encoder), views=1, folds=2))
    members = (tuned, load_model(str(tmp_path / "plain")))
    both = EnsembleHead("both", members, (0.5, 0.5), "mean", "cancer", "Toy cells.")
    save_head(both, tmp_path / "both")
    (tmp_path / "both").rename(tmp_path / "moved")
    parts = [predict_crops(setting.pictures, member)["p_cancer"] for member in members]
    joined = predict_crops(setting.pictures, str(tmp_path / "moved"))["p_cancer"]
    np.testing.assert_allclose(joined, np.mean(parts, axis=0), atol=1e-6)


def test_hirescam_is_exact_on_it(setting):
    head = load_model(str(setting.out))
    encoder = load_encoder_of(head, dtype="float32").reading(head.reads)
    crops = np.random.default_rng(0).random((2, 3, encoder.input_px, encoder.input_px)).astype(np.float32)
    exact, library = (
        methods.explain(encoder, head, crops, np.arange(2), method=method) for method in ("exact", "hirescam")
    )
    np.testing.assert_allclose(exact.maps, library.maps, atol=1e-3 * max(exact.limit, 1))
    logits = head.contrast("cancer")
    features = encoder.embed(crops, np.arange(2)).features
    np.testing.assert_allclose(exact.logits, features @ logits[0] + logits[1], rtol=1e-4, atol=1e-3)


def test_a_cancelled_training_goes_on_and_ends_with_the_same_head(setting, tmp_path):
    def stop(step, part):
        if part > 0.5:
            raise Cancelled("stop")

    out = tmp_path / "mine"
    with pytest.raises(Cancelled):
        train_head(setting.pictures, out, setting.recipe, stop)
    assert {path.name for path in out.iterdir()} == {"epochs.json", CHECKPOINTS}
    other = setting.recipe.model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="interrupted training with another recipe"):
        train_head(setting.pictures, out, other)
    again = train_head(setting.pictures, out, setting.recipe)
    assert (again["head"], again["encoder"]) == (setting.metrics["head"], setting.metrics["encoder"])
    assert again["methods"] == setting.metrics["methods"]


def test_groups_for_testing_are_read_once_and_never_for_stopping(setting, tmp_path, monkeypatch):
    seen = []
    set_aside = Trainings._set_aside

    def watched(self, rows):
        training, validation = set_aside(self, rows)
        groups = self.vectors.group_names
        seen.append([set(groups[part]) for part in (training, validation, np.setdiff1d(np.arange(24), rows))])
        return training, validation

    monkeypatch.setattr(Trainings, "_set_aside", watched)
    train_head(setting.pictures, tmp_path / "mine", setting.recipe)
    assert len(seen) == 2
    for training, validation, test in seen:
        assert validation
        assert not training & validation
        assert not test & (training | validation)


def test_without_early_stopping_all_training_groups_learn_for_all_epochs(setting, tmp_path):
    tuning = setting.recipe.finetune.model_copy(update={"stop_by": "never", "layer_decay": 0.5, "epochs": 3})
    recipe = setting.recipe.model_copy(update={"finetune": tuning})
    metrics = train_head(setting.pictures, tmp_path / "mine", recipe)
    assert (metrics["fine_tuning"]["best_epochs"], metrics["fine_tuning"]["epochs"]) == ([3, 3], 3)
    fits = json.loads((tmp_path / "mine" / "epochs.json").read_text())["fits"]
    assert {point["validation_loss"] for fit in fits for point in fit["points"]} == {None}


def test_one_group_per_class_is_tuned_but_not_validated(setting, tmp_path):
    pictures = write_pictures(tmp_path / "cells", n_groups=2)
    metrics = train_head(pictures, tmp_path / "mine", setting.recipe)
    assert not metrics["validated"]
    assert metrics["fine_tuning"]["best_epochs"] == []
    assert "one group only" in (tmp_path / "mine" / "card.md").read_text()
    assert len(predict_crops(pictures, str(tmp_path / "mine"))) == 8


def test_from_the_command_line(setting, tmp_path, capsys):
    options = ["--encoder", str(setting.encoder), "--views", "1", "--folds", "2"]
    tuning = ["--mode", "finetune", "--epochs", "1", "--blocks", "1"]
    assert main(["train", str(setting.pictures), "--out", str(tmp_path / "mine"), *options, *tuning]) == 0
    assert "fine-tuned: AUC" in capsys.readouterr().out
    calls = tmp_path / "calls.csv"
    assert main(["predict", str(setting.pictures), "--head", str(tmp_path / "mine"), "--out", str(calls)]) == 0
    assert len(pd.read_csv(calls)) == 24
