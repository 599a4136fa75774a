"""The models of a run come together, with the digests of all their files."""

import pytest

from cellapp.classification.head_io import save_head
from cellapp.errors import ModelError
from cellapp.models import bundle, checksums, kept, load
from cellapp.models.bundle import RunModels, load_models_to_explain, load_run_models
from cellapp.models.fetch import fetch_model
from cellapp.models.registry import entry
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings
from tests.classification.heads import grid_head, random_head
from tests.models.conftest import FILES, NAME
from tests.models.hub_server import COMMIT

CLASSICAL = SegmentSettings(segmenter="classical")  # without files


@pytest.fixture
def own_head(tmp_path, pins, declare):
    """Settings of a run with a head given by its folder, and the encoder of the registry it names."""
    declare(revision=COMMIT, files=pins)
    fetch_model(NAME)
    save_head(random_head(16, encoder=f"{NAME}@{COMMIT}"), tmp_path / "head")
    return AnalyseSettings(segment=CLASSICAL, classify=ClassifySettings(head=str(tmp_path / "head")))


def test_weights_name_every_file_with_its_digest(own_head, tmp_path, pins):
    weights = load_run_models(own_head).weights
    of_head = {f"{tmp_path}/head/{file}": checksums.sha256(tmp_path / "head" / file) for file in sorted(FILES_OF_HEAD)}
    assert list(weights.items()) == list((of_head | {f"{NAME}/{file}": pins[file] for file in FILES}).items())


FILES_OF_HEAD = ("head.json", "head.safetensors")


def test_a_model_without_files_has_no_weights():
    assert load_run_models(AnalyseSettings(segment=CLASSICAL, classify=ClassifySettings(head=None))).weights == {}


def test_the_encoder_is_the_one_the_head_names_unless_another_is_given(own_head):
    assert load_run_models(own_head).encoder.name == NAME
    other = own_head.model_copy(update={"classify": own_head.classify.model_copy(update={"encoder": "lab/none"})})
    with pytest.raises(ModelError, match="lab/none"):
        load_run_models(other)


def test_explaining_loads_no_segmenter(monkeypatch):
    loaded, load_model = [], bundle.load_model
    for module in (bundle, kept, load):  # the encoder is loaded beside its head
        monkeypatch.setattr(
            module, "load_model", lambda name, *options: loaded.append(name) or load_model(name, *options)
        )
    models = load_models_to_explain(AnalyseSettings())
    assert loaded == ["classical", "demo-head", "cell-vit"]
    assert models.to_explain() == (models.encoder, models.head)


def test_only_a_head_that_reads_crops_explains():
    with pytest.raises(ModelError, match="counted cells without classes"):
        RunModels(Classical()).to_explain()
    encoder = load_models_to_explain(AnalyseSettings()).encoder
    with pytest.raises(ModelError, match="choose a head that reads crops"):
        RunModels(Classical(), encoder, grid_head(encoder)).to_explain()


def test_the_default_models_are_in_the_repository(monkeypatch):
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    models = load_run_models(AnalyseSettings())
    assert models.head.encoder == models.encoder.identity
    folders = {key: entry(key.rpartition("/")[0]).folder for key in models.weights}
    assert all(checksums.sha256(folders[key] / key.rpartition("/")[2]) == sha for key, sha in models.weights.items())
