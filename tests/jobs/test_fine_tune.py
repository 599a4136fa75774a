"""Fine-tuning on cells of runs: killed, cancelled and stopped, and the head it makes in use."""

import json
import shutil

import pytest
import tomli_w

from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.errors import Cancelled, InputError
from cellapp.exports.embeddings import write_embeddings
from cellapp.exports.run_json import read_run
from cellapp.jobs import queue, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.queue import WorkerStopping
from cellapp.jobs.rescore import request_rescore_of_all
from cellapp.jobs.train import request_training, train
from cellapp.jobs.training_cells import TrainRequest
from cellapp.jobs.training_folder import live_curves, sweep_trainings, work_folder
from cellapp.models.load import load_encoder_of, load_model
from cellapp.settings import VectorSettings
from cellapp.store.heads import list_heads
from cellapp.store.projects import project_vectors, set_project_vectors
from cellapp.store.runs import run_folder
from cellapp.store.vectors import image_vectors
from tests.encoders.tiny import write_encoder
from tests.jobs.trainable import CLASSES, LINES, trainable_run

pytestmark = pytest.mark.slow
TUNING = {"epochs": 2, "batch": 16, "blocks": 1, "encoder_rate": 1e-3, "stop_by": "never"}


class Killed(BaseException):
    """Nothing is tidied up after it, as after a kill -9."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("CELLAPP_DTYPE", "float32")
    app_settings.cache_clear()
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)


@pytest.fixture
def run(tmp_path):
    made = trainable_run(tmp_path)
    set_project_vectors(made.project_id, VectorSettings(encoder=str(write_encoder(tmp_path / "encoder"))))
    return made


def request(run, **changes):
    values = {"project_id": run.project_id, "run_ids": [run.id], "column": "cell_line", "classes": CLASSES}
    recipe = {"folds": 2, "mode": "finetune", "finetune": TUNING}
    return TrainRequest.model_validate(values | {"name": "tuned", "recipe": recipe} | changes)


def stop_at(words, error):
    def on_step(step, part):
        if words in step:
            raise error

    return on_step


def files_of(head):
    return {path.name: path.read_bytes() for path in head.folder.rglob("*.safetensors")}


def test_a_killed_training_goes_on_and_ends_with_the_same_weights_and_the_head_is_used(run):
    whole = train(request(run))
    before = files_of(whole)
    job = request_training(request(run))
    with pytest.raises(Killed):
        HANDLERS[job.kind](dict(job.payload), stop_at("fold 2, epoch 2", Killed()))
    fits = live_curves(job)["fits"]
    assert [(fit["name"], len(fit["points"])) for fit in fits] == [("fold 1", 3), ("fold 2", 2)]
    assert sweep_trainings() == 0
    HANDLERS[job.kind](dict(job.payload), lambda *_: None)
    (head,) = list_heads(run.project_id)
    assert (head.identity, files_of(head)) == (whole.identity, before)
    assert not work_folder(job.payload["work"]).exists()
    assert {path.name for path in head.folder.iterdir()} >= {"card.md", "epochs.json", "encoder", "folds.csv"}
    assert load_encoder_of(load_model(head.identity)).identity == load_model(head.identity).encoder
    use = request_rescore_of_all(run.project_id, head.identity)
    assert ([one.id for one in use.called], use.refused) == ([run.id], {})
    waiting = next(job for job in queue.list_jobs(run.project_id) if job.kind == "rescore")
    HANDLERS["rescore"](dict(waiting.payload), lambda *_: None)
    assert read_run(run_folder(run.id) / run.images[0].stem / "run.json")["head"] == head.identity


def analysed_folder(run, tmp_path):
    """A copy of a run as `analyse` writes it: with the vectors of the project in the folders of the images."""
    out = tmp_path / "analysed"
    shutil.copytree(run_folder(run.id), out)
    settings = project_vectors(run.project_id)
    for row in run.images:
        write_embeddings(image_vectors(run, row.image_id, settings), out / row.stem / "embeddings.npz")
        described = read_run(out / row.stem / "run.json") | {"vectors": settings.model_dump(mode="json")}
        (out / row.stem / "run.json").write_text(json.dumps(described))
    return out


def test_the_command_line_fine_tunes_the_same_head_on_the_folder_and_the_images(run, tmp_path, capsys):
    record, out = train(request(run)), analysed_folder(run, tmp_path)
    table, recipe = tmp_path / "images.csv", tmp_path / "recipe.toml"
    table.write_text("\n".join(["file,class", *(f"well {k}.tif,{CLASSES[LINES[k % 2]]}" for k in range(4))]))
    recipe.write_text(tomli_w.dumps({"folds": 2, "mode": "finetune", "finetune": TUNING}))
    options = ["--run", str(out), "--recipe", str(recipe), "--out", str(tmp_path / "tuned")]
    assert main(["train", str(table), *options]) == 2
    assert "name the images that were analysed with --image" in capsys.readouterr().err
    images = ["--image", str(tmp_path / "seed-*.ome.tif")]
    assert main(["train", str(table), *options, *images, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["head"] == record.identity
    assert files_of(record) == {path.name: path.read_bytes() for path in (tmp_path / "tuned").rglob("*.safetensors")}


@pytest.mark.parametrize(("error", "stays"), [(Cancelled("stop"), False), (WorkerStopping("stop"), True)])
def test_a_cancelled_training_leaves_nothing_and_one_whose_worker_stops_waits(run, error, stays):
    job = request_training(request(run))
    with pytest.raises(Cancelled):
        HANDLERS[job.kind](dict(job.payload), stop_at("fold 1, epoch 2", error))
    assert work_folder(job.payload["work"]).exists() == stays
    assert list_heads(run.project_id) == ()
    queue.request_cancel(job.id)
    sweep_trainings()
    assert not work_folder(job.payload["work"]).exists()


def test_vectors_that_cannot_be_trained_through_are_refused(run, tmp_path):
    reads = {"shape": True}
    vectors = VectorSettings.model_validate({"encoder": str(tmp_path / "encoder"), "reads": reads})
    set_project_vectors(run.project_id, vectors)
    with pytest.raises(InputError, match="of another kind"):
        train(request(run))
