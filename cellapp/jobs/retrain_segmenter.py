"""Job that retrains a segmenter on images of a project whose outlines people corrected, and keeps it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import numpy as np
from pydantic import Field

from cellapp.compute.devices import probe_device
from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.training_folder import training_folder
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import IMPORTED, FrozenModel, SegmentSettings
from cellapp.store.images import get_image, list_images
from cellapp.store.kept_models import model_name
from cellapp.store.mask_edits import edited_images, last_edit
from cellapp.store.named_models import require_named
from cellapp.store.open_image import open_slide
from cellapp.store.records import ImageRecord, JobRecord, RunImage, RunRecord
from cellapp.store.runs import list_runs, run_folder
from cellapp.store.segmenters import SegmenterRecord, add_segmenter
from cellapp.training.segmenter.labelled_folder import OwnImage
from cellapp.training.segmenter.retrain_settings import CellposeSettings, RetrainSettings
from cellapp.types.image import OnStep

RETRAIN = "retrain"


class RetrainRequest(FrozenModel):
    """What a segmenter of a project is retrained on; the payload of the job."""

    project_id: str
    learn: tuple[tuple[str, str], ...] = Field(min_length=1)
    """Run and image of each corrected image to learn from."""
    score: tuple[tuple[str, str], ...] = ()
    """Run and image of those that are only scored, before and after."""
    base: str = "compact-stained"
    """The segmenter to set out from."""
    name: str
    """Of the new one."""
    settings: RetrainSettings | CellposeSettings = RetrainSettings()
    work: str = Field("", pattern="^[0-9a-f]*$")
    """Name of the folder in which the training goes on after a kill; `request_retraining` gives it."""


@dataclass(frozen=True)
class CorrectedImage:
    """An image of a run whose labels came from files or were edited by hand."""

    run: RunRecord
    image: RunImage
    n_edits: int  # 0 where the labels came from files and nobody edited them

    @property
    def key(self) -> tuple[str, str]:
        """Run and image, as requests name it."""
        return self.run.id, self.image.image_id


def corrected_images(
    project_id: str, images: Sequence[ImageRecord] | None = None, runs: Sequence[RunRecord] | None = None
) -> list[CorrectedImage]:
    """Return the corrected images of a project, of each the newest run; images in the bin are left out.

    Parameters
    ----------
    project_id : str
    images, runs : sequence, optional
        Those of the project, newest first, where they have been read already.
    """
    here = {image.id for image in (list_images(project_id) if images is None else images)}
    runs = list_runs(project_id) if runs is None else runs
    edited = edited_images([run.id for run in runs])
    found: dict[str, CorrectedImage] = {}
    for run in runs:
        for image in run.images:
            one = CorrectedImage(run, image, edited.get((run.id, image.image_id), 0))
            corrected = one.n_edits or run.settings.segment.segmenter == IMPORTED
            if corrected and image.n_cells is not None and image.image_id in here:
                found.setdefault(image.image_id, one)
    return list(found.values())


def request_retraining(request: RetrainRequest) -> JobRecord:
    """Queue a retraining.

    Raises
    ------
    InputError
        When the name cannot be one, the base is not known by name, or an image is no corrected one of the project or
        is both learnt from and scored; nothing is queued then.
    """
    model_name(request.name, "segmenter")
    require_named(request.project_id, "segmenter", request.base)
    own_of(request.project_id, (*request.learn, *request.score))
    groups = [{_group(image_id) for _, image_id in side} for side in (request.learn, request.score)]
    if groups[0] & groups[1]:
        raise InputError("images of one file are to learn from and to score; a score is of images that were not seen")
    request = request.model_copy(update={"work": uuid4().hex})
    job = queue.submit(RETRAIN, request.model_dump(mode="json"), request.project_id)
    worker_process.ensure_worker()
    return job


def retrain_segmenter(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Retrain and keep a segmenter; payload a `RetrainRequest` as JSON values, result ``{"segmenter_id"}``."""
    request = RetrainRequest.model_validate(payload)
    with training_folder(request.work) as folder:
        return {"segmenter_id": _retrain(request, folder / "network", on_step).id}


def _retrain(request: RetrainRequest, out: Path, on_step: OnStep) -> SegmenterRecord:
    from cellapp.training.segmenter.retrain import retrain

    learn, score = (own_of(request.project_id, side) for side in (request.learn, request.score))
    before = out / "learnt-from.txt"  # a checkpoint of other labels is not gone on from
    seen = "\n".join(f"{run_id} {image_id} {last_edit(run_id, image_id)}" for run_id, image_id in request.learn)
    if before.is_file() and before.read_text(encoding="utf-8") != seen:
        rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    before.write_text(seen, encoding="utf-8")
    device = probe_device(app_settings().device)
    retrain(learn, score, request.base, out, request.settings, device=device, on_step=on_step)
    return add_segmenter(request.project_id, out, request.name)


def own_of(project_id: str, keys: Sequence[tuple[str, str]]) -> list[OwnImage]:
    """Return corrected images, named by run and image, as a network learns from them; raises InputError for others."""
    known = {one.key: one for one in corrected_images(project_id)}
    strange = [image_id for run_id, image_id in keys if (run_id, image_id) not in known]
    if strange:
        raise InputError(f"image {strange[0]!r} has no corrected outlines in this project; edit or import them first")
    return [_own(known[key]) for key in map(tuple, keys)]


def _own(one: CorrectedImage) -> OwnImage:
    record = get_image(one.image.image_id)
    segment = SegmentSettings(tile_px=one.run.settings.segment.tile_px)
    labels = run_folder(one.run.id) / one.image.stem / "labels.tif"
    return OwnImage(
        name=one.image.name,
        group=record.info.name,
        open=partial(open_slide, record.reference_id or record.id),
        read_labels=partial(_labels, labels),
        settings=one.run.settings.model_copy(update={"segment": segment}),
    )


def _labels(path: Path, shape: tuple[int, int]) -> np.ndarray:
    return read_labels(path, shape)


def _group(image_id: str) -> str:
    """Return what is never on both sides of a split: the file, of which an image may be one of many."""
    record = get_image(image_id)
    return record.file_digest or record.digest
