"""Jobs that give a stored run the classes of another head: tables in seconds, overlay and crops in a second step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellapp.classification.ensemble import Head
from cellapp.errors import InputError, ModelError
from cellapp.exports.apply_labels import summary_rows
from cellapp.exports.class_versions import ClassVersions, activate
from cellapp.exports.tables import read_cells, write_summary
from cellapp.jobs import queue, worker_process
from cellapp.jobs.draw_pictures import PICTURES
from cellapp.jobs.make_vectors import make_vectors
from cellapp.jobs.run_lock import writing_files
from cellapp.jobs.run_report import write_run_report
from cellapp.pipeline.active_classes import write_active_tables
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.rescore import load_head, readable, rescore
from cellapp.settings import ClassifySettings
from cellapp.settings_io import validated
from cellapp.store import cells as cell_store
from cellapp.store import runs
from cellapp.store.named_models import require_named
from cellapp.store.records import JobRecord, RunImage, RunRecord, Status
from cellapp.store.vectors import image_vectors
from cellapp.types.cells import Embeddings
from cellapp.types.image import OnStep

RESCORE = "rescore"


@dataclass(frozen=True)
class HeadUse:
    """What became of the runs of a project that a head was to call."""

    called: tuple[RunRecord, ...]
    refused: Mapping[str, str]  # name of a run -> why it cannot be called


def request_rescore(
    run_id: str,
    head: str,
    *,
    threshold: float | None = None,
    unsure_margin: float | None = None,
    make: bool = False,
) -> JobRecord:
    """Queue the job that calls a run's cells by a head.

    Parameters
    ----------
    run_id : str
    head : str
        Name in the registry or of a head of the project, see `cellapp.store.named_models`.
    threshold, unsure_margin : float, optional
        See `cellapp.settings.ClassifySettings`; those of the run when left out.
    make : bool
        Have the job make the vectors that the head reads where the run has none.

    Raises
    ------
    ModelError
        When the head cannot be had, or reads other vectors than the run has; nothing is queued then.
    InputError
        When the run has no finished image, or a value is out of range.
    """
    run = runs.get_run(run_id)
    require_named(run.project_id, "head", head)
    changed = {"head": head, "encoder": None, "threshold": threshold, "unsure_margin": unsure_margin}
    changed = {name: value for name, value in changed.items() if value is not None or name == "encoder"}
    settings = validated(ClassifySettings, run.settings.classify.model_dump() | changed)
    loaded = load_head(head)
    done = _finished_images(run)
    for image in done if not make else ():
        _vectors(run, image, loaded)
    return _submit(run, {"classify": settings.model_dump(mode="json"), **({"make": True} if make else {})})


def request_rescore_of_all(project_id: str, head: str) -> HeadUse:
    """Queue the calling of every run of a project by a head, from the vectors that the runs have.

    A head with an encoder of its own reads no vectors that are there: its jobs make them from the images first.

    Returns
    -------
    HeadUse
        Which runs are called again, and why the others are not.

    Raises
    ------
    ModelError
        When the head cannot be had.
    InputError
        When it is no head of the project.
    """
    require_named(project_id, "head", head)
    make = load_head(head).own_encoder is not None
    called, refused = [], {}
    for run in runs.list_runs(project_id):
        try:
            if run.settings.classify.head == head:
                raise InputError("has its classes already")
            request_rescore(run.id, head, make=make)
        except (InputError, ModelError) as error:
            refused[run.name] = str(error)
        else:
            called.append(run)
    return HeadUse(tuple(called), refused)


def choose_classes(run_id: str, version_id: str) -> JobRecord:
    """Make a version of a run's classes the active one, at once; the job that is queued has the files follow.

    Raises
    ------
    InputError
        When the run has no such version.
    """
    run = runs.get_run(run_id)
    versions = activate(runs.run_folder(run.id), version_id)
    runs.set_classify(run.id, versions.of(version_id).settings)
    return _submit(run, {"version": version_id})


def rescore_run(
    run_id: str,
    classify: ClassifySettings | None = None,
    version: str | None = None,
    on_step: OnStep | None = None,
    *,
    make: bool = False,
) -> ClassVersions:
    """Call the cells of a run by the head of `classify`, or by a version that is there, and have its files follow.

    Tables, outlines, summary, report and store are written here; overlay and crops by `draw_pictures`, which is queued.

    Parameters
    ----------
    run_id : str
    classify : ClassifySettings, optional
    version : str, optional
        Id of a version; read where `classify` is left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    make : bool
        Make the vectors that the head reads first, where there are none.
    """
    run, out, on_step = runs.get_run(run_id), runs.run_folder(run_id), on_step or no_progress
    images = {image.stem: image for image in _finished_images(run)}
    on_step("Calling cells", 0.0)
    if make and classify is not None:
        make_vectors(run.id, load_head(str(classify.head)).vectors, on_step)
    if classify is not None:
        versions = rescore(out, classify, lambda folder, head: _vectors(run, images[folder.name], head))
    else:
        versions = activate(out, str(version))
    runs.set_classify(run.id, versions.of(str(versions.active_id)).settings)
    with writing_files(out):
        for n_done, image in enumerate(images.values()):
            on_step(f"{image.stem}: Writing tables", 0.2 + 0.7 * n_done / len(images))
            _follow(run, image, out, versions)
        write_summary(summary_rows(out), out)
        write_run_report(run)
    queue.submit(PICTURES, {"run_id": run.id}, run.project_id)
    return versions


def _follow(run: RunRecord, image: RunImage, out: Path, versions: ClassVersions) -> None:
    """Write the tables of one image, and its rows in the store, by the active classes."""
    summary = write_active_tables(out / image.stem, versions)
    table = read_cells(out / image.stem / "cells.parquet")
    # Classes by hand stay as the store has them: the files may still wait for the newest.
    cell_store.save_cells(run.id, image.image_id, table.drop(columns="manual_label", errors="ignore"))
    runs.set_image_status(run.id, image.image_id, Status.DONE, n_cells=len(table), summary=summary)


def _vectors(run: RunRecord, image: RunImage, head: Head) -> Embeddings:
    embeddings = image_vectors(run, image.image_id, head.vectors)
    made = head.vectors if embeddings is not None else None
    way_out = "make its vectors for this head first, or analyse the images again with it"
    return readable(head, embeddings, made, name=image.name, way_out=way_out)


def _finished_images(run: RunRecord) -> list[RunImage]:
    done = [image for image in run.images if image.status is Status.DONE]
    if run.status.active or not done:
        raise InputError(f"{run.name!r} has no result to call again; wait until its images are done")
    return done


def _submit(run: RunRecord, payload: dict[str, Any]) -> JobRecord:
    job = queue.submit(RESCORE, {"run_id": run.id, **payload}, run.project_id, urgent=True)
    worker_process.ensure_worker()
    return job
