import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError, StoreError
from cellapp.jobs import queue, rest_of_run, worker_process
from cellapp.jobs.rest_of_run import request_rest, take_up_strays
from cellapp.settings import AnalyseSettings
from cellapp.store.job_rows import change_job
from cellapp.store.projects import default_project
from cellapp.store.records import Status
from cellapp.store.runs import create_run, delete_run, finish_run, get_run, set_image_status, start_run
from cellapp.store.uploads import add_image

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Jobs ask for a worker; none is started."""
    calls = []
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: calls.append(1))
    return calls


@pytest.fixture
def run(tmp_path):
    project_id, ids = default_project().id, []
    for n in range(3):
        tifffile.imwrite(tmp_path / f"{n}.tif", np.full((20, 20), n, np.uint8))
        ids.append(add_image(project_id, tmp_path / f"{n}.tif", f"{n}.tif").id)
    return create_run(project_id, ids, AnalyseSettings())


def end(run, *statuses):
    for image, status in zip(run.images, statuses, strict=True):
        set_image_status(run.id, image.image_id, status)
    return finish_run(run.id)


def jobs_of(run):
    return [job for job in queue.list_jobs(run.project_id, active=False) if job.payload.get("run_id") == run.id]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_the_rest_is_queued_once_and_what_is_done_stays(run, asked, status):
    assert end(run, Status.DONE, status, Status.DONE).status is Status.PARTIAL
    jobs = [request_rest(run.id) for _ in range(2)]
    assert jobs[0].id == jobs[1].id
    assert (jobs[0].kind, jobs[0].payload, len(jobs_of(run))) == ("analyse", {"run_id": run.id}, 1)
    assert asked
    assert [image.status for image in start_run(run.id).images] == [Status.DONE, Status.QUEUED, Status.DONE]


def test_a_whole_run_and_one_in_the_bin_have_no_rest(run):
    end(run, *[Status.DONE] * 3)
    with pytest.raises(InputError, match="has a result for each of its images; run it again"):
        request_rest(run.id)
    delete_run(run.id)
    with pytest.raises(StoreError, match="was deleted"):
        request_rest(run.id)
    assert not jobs_of(run)


def test_a_run_whose_server_was_killed_before_it_got_its_job_gets_one(run):
    assert take_up_strays() == 0, "its server may be about to queue the job"
    assert take_up_strays(0) == 1
    assert [job.status for job in jobs_of(run)] == [Status.QUEUED]
    assert take_up_strays(0) == 0
    assert len(jobs_of(run)) == 1


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
def test_a_run_whose_job_has_ended_without_it_ends_as_its_job(run, status):
    job = queue.submit("analyse", {"run_id": run.id}, run.project_id)
    start_run(run.id)
    change_job(job.id, only_if=Status.QUEUED, status=status, error="the disk is full")
    assert take_up_strays(0) == 1
    ended = get_run(run.id)
    assert ended.status is status
    assert {image.error for image in ended.images} == {"the disk is full"}
    assert len(jobs_of(run)) == 1


def test_runs_that_ended_or_are_in_the_bin_are_left_alone(run):
    delete_run(run.id)
    assert take_up_strays(0) == 0
    assert not jobs_of(run)
    assert rest_of_run.has_rest(run)
