"""crops.zip is asked for, waited for and fetched over HTTP, and is the file of the run that made it at once."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.images.read import open_slide
from cellapp.jobs import queue, worker, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.make_run_crops import expected_cost
from cellapp.pipeline.make_crops import make_crops
from cellapp.store import runs
from cellapp.store.records import Status
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


@pytest.fixture
def run(tmp_path):
    return seed_run([seed_image(tmp_path), seed_image(tmp_path, name="b.tif", seed=2)], n_cells=6)


def take_away(run):
    """Take the crops of a run away, as if it were analysed without, and return what they were by stem."""
    paths = {image.stem: runs.run_folder(run.id) / image.stem / "crops.zip" for image in run.images}
    content = {stem: path.read_bytes() for stem, path in paths.items()}
    for path in paths.values():
        path.unlink()
    return content


def work():
    worker.run_worker(once=True, handlers={"crops": HANDLERS["crops"]})


def test_crops_are_asked_for_made_and_fetched_and_are_those_of_the_run(client, run):
    in_run = take_away(run)
    stems, where = sorted(in_run), f"/runs/{run.id}"
    absent = client.get(f"{where}/crops/{stems[0]}")
    assert absent.status_code == 404
    assert f"POST {where}/crops makes it" in absent.json()["error"]
    assert client.get(f"{where}/files/{stems[0]}/crops.zip").json() == absent.json()
    assert sorted(client.get(where).json()["without_crops"]) == stems
    asked = client.get(f"{where}/crops").json()
    assert (asked["made"], sorted(asked["without_crops"]), asked["job"]) == ([], stems, None)
    assert asked["expected_seconds"] > 0
    assert 0.3 < asked["expected_bytes"] / sum(map(len, in_run.values())) < 3

    job = client.post(f"{where}/crops")
    assert job.status_code == 202
    assert client.post(f"{where}/crops").json() == job.json(), "it is queued once"
    assert client.get(f"{where}/crops/{stems[0]}").status_code == 409
    work()
    done = client.get(f"/jobs/{job.json()['job']}").json()
    assert (done["status"], done["result"]["n_made"]) == ("done", 2), done
    assert {stem: client.get(f"{where}/crops/{stem}").content for stem in stems} == in_run
    assert client.get(f"{where}/files/{stems[1]}/crops.zip").content == in_run[stems[1]]
    assert client.get(where).json()["without_crops"] == []
    again = client.post(f"{where}/crops")
    assert again.status_code == 422
    assert "among its files" in again.json()["error"]
    assert client.get(f"{where}/crops/none").status_code == 404
    assert client.post("/runs/none/crops").status_code == 404


def test_the_job_writes_what_the_core_writes_and_the_report_follows(client, run, tmp_path):
    take_away(run)
    folder = runs.run_folder(run.id)
    client.post(f"/runs/{run.id}/crops")
    work()
    by_job = (folder / run.images[0].stem / "crops.zip").read_bytes()
    (folder / run.images[0].stem / "crops.zip").unlink()
    by_core = make_crops(folder / run.images[0].stem, open_slide(tmp_path / "seed-1.ome.tif"))
    assert by_core.read_bytes() == by_job
    assert "were not made of" not in (folder / "report.html").read_text()


def test_a_cancelled_job_leaves_the_run_done_and_the_next_goes_on(client, run, monkeypatch):
    monkeypatch.setattr(worker, "_REPORT_EVERY_S", 0)  # crops of six cells are made between two looks otherwise
    in_run = take_away(run)
    job = client.post(f"/runs/{run.id}/crops").json()["job"]

    def stop(payload, on_step):
        def cancel_at_second(step, part):
            if part >= 0.5:
                queue.request_cancel(job)
            on_step(step, part)

        return HANDLERS["crops"](payload, cancel_at_second)

    worker.run_worker(once=True, handlers={"crops": stop})
    assert queue.get_job(job).status is Status.CANCELLED
    assert runs.get_run(run.id).status is Status.DONE
    left = client.get(f"/runs/{run.id}/crops").json()
    assert left["made"] == [run.images[0].stem]
    client.post(f"/runs/{run.id}/crops")
    work()
    assert {stem: client.get(f"/runs/{run.id}/crops/{stem}").content for stem in in_run} == in_run


def test_the_estimate_follows_what_this_machine_took(client, run):
    take_away(run)
    before = expected_cost(run)
    for took in ({"seconds": 30.0, "expected_s": 10.0}, {"seconds": 60.0, "expected_s": 0.5}):
        job = queue.submit("crops", {}, run.project_id)
        worker.run_worker(once=True, handlers={"crops": lambda *_, took=took: {"n_made": 1, **took}})
        assert queue.get_job(job.id).status is Status.DONE
    assert expected_cost(run).seconds == pytest.approx(3 * before.seconds), "a short job is most of all its start"
    assert expected_cost(run).n_bytes == before.n_bytes
