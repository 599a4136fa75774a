"""Models are kept for the next job of a process by the sha256 of their files, and within an eighth of the memory."""

import shutil

import pytest

from cellapp.encoders import dino
from cellapp.errors import ModelError
from cellapp.jobs import queue
from cellapp.jobs.worker import run_worker
from cellapp.models import kept
from cellapp.models.bundle import load_run_models
from cellapp.models.kept import keeping_models, load_shared_encoder, load_shared_model
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.segmentation import network_segmenter
from cellapp.settings import AnalyseSettings
from tests.classification.heads import random_head

NETWORK = ("config.json", "weights.safetensors")


@pytest.fixture(autouse=True)
def nothing_kept():
    kept._models().clear()
    yield
    kept._models().clear()


@pytest.fixture
def loaded(monkeypatch):
    """Folders of the networks whose weights are read."""
    folders = []
    for module, name in ((network_segmenter, "load_network"), (dino, "_load_network")):
        read = getattr(module, name)
        note = lambda folder, *more, read=read: folders.append(folder.name) or read(folder, *more)  # noqa: E731
        monkeypatch.setattr(module, name, note)
    return folders


@pytest.fixture
def segmenter(tmp_path):
    return copied("compact", tmp_path / "own")


def copied(name, folder):
    folder.mkdir(exist_ok=True)
    for file in NETWORK:
        shutil.copy(model_folder(name) / file, folder / file)
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_the_second_job_of_a_worker_loads_no_weights_unless_a_file_changed(loaded, segmenter):
    settings = AnalyseSettings.model_validate({"segment": {"segmenter": str(segmenter)}})
    names = []

    def load(payload, on_step):
        if payload["changed"]:
            copied("compact-labelfree", segmenter)
        names.append(load_run_models(settings).segmenter.name)
        return {"n_loaded": len(loaded)}

    jobs = [queue.submit("load", {"changed": changed}) for changed in (False, False, True, False)]
    run_worker(once=True, poll_s=0.01, handlers={"load": load})
    assert [queue.get_job(job.id).result for job in jobs] == [{"n_loaded": n} for n in (2, 2, 3, 3)]
    assert loaded == ["own", "cell-vit", "own"]
    assert names[0] == names[1] != names[2] == names[3]


def test_what_is_kept_is_what_would_be_loaded(segmenter):
    with keeping_models():
        first, again = load_shared_model(str(segmenter)), load_shared_model(str(segmenter))
        other = load_shared_model(str(segmenter), dtype="bfloat16")
    assert first is again
    assert other is not first
    assert first.name == load_model(str(segmenter)).name


def test_nothing_is_kept_unless_it_is_asked_for(loaded, segmenter):
    assert load_shared_model(str(segmenter)) is not load_shared_model(str(segmenter))
    with keeping_models():
        load_shared_model(str(segmenter))
    load_shared_model(str(segmenter))
    assert len(loaded) == 4


def test_a_kept_model_whose_files_are_gone_or_damaged_is_not_given(segmenter):
    with keeping_models():
        load_shared_model(str(segmenter))
        (segmenter / "weights.safetensors").write_bytes(b"damaged")
        with pytest.raises(ModelError):
            load_shared_model(str(segmenter))
        shutil.rmtree(segmenter)
        with pytest.raises(ModelError):
            load_shared_model(str(segmenter))


def test_a_head_takes_no_kept_encoder_but_its_own(loaded):
    right = random_head(encoder=load_model("cell-vit").identity)
    with keeping_models():
        assert load_shared_encoder(right) is load_shared_encoder(right)
        with pytest.raises(ModelError):
            load_shared_encoder(random_head(encoder="cell-vit@other"))
    assert loaded == ["cell-vit"] * 2


def test_what_is_kept_stays_within_its_share_of_the_memory(monkeypatch, loaded, segmenter, tmp_path):
    other = copied("compact-labelfree", tmp_path / "other")
    room = kept._COPIES * sum((segmenter / file).stat().st_size for file in NETWORK)
    for share, reads in ((1.5, ["own", "other", "own"]), (0.5, ["own", "other", "other", "own"])):
        monkeypatch.setattr(kept, "memory_bytes", lambda share=share: int(share * room / kept._SHARE))
        kept._models.cache_clear()
        loaded.clear()
        with keeping_models():
            for path in (segmenter, other, other, segmenter):
                load_shared_model(str(path))
        assert loaded == reads
        assert kept._models().currsize <= kept._models().maxsize
    kept._models.cache_clear()
