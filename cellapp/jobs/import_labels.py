"""Labels of files as the cells of a run: they are kept with the run, and its job measures and classifies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.label_image import write_labels
from cellapp.files import without_image_suffix
from cellapp.imports.label_file import read_label_file
from cellapp.imports.match import match_labels
from cellapp.jobs import queue, worker_process
from cellapp.jobs.rest_of_run import ANALYSE
from cellapp.pipeline.run_inputs import RunItem
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import IMPORTED, AnalyseSettings
from cellapp.store import images, open_image, runs
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.store.regions import regions_of_run
from cellapp.types.cells import LabelMask
from cellapp.types.drawn_regions import DrawnRegions

_FOLDER = ".labels"  # in the run's own, so that they go with the run


@dataclass(frozen=True)
class MatchedLabels:
    """Which file belongs to which image of a project."""

    files: dict[str, Path]  # image id -> file
    without: tuple[str, ...]  # names of images that have none


def match_files(records: Sequence[ImageRecord], files: Sequence[Path]) -> MatchedLabels:
    """Find the image of each file by its name.

    Raises
    ------
    InputError
        When none belongs to an image, or two belong to one.
    """
    by_stem: dict[str, ImageRecord] = {}
    for record in records:
        for stem in (without_image_suffix(record.name), without_image_suffix(record.info.name) + record.info.suffix):
            by_stem.setdefault(stem, record)
    if len(records) == 1:  # whatever the file is called
        by_stem = {without_image_suffix(records[0].name): records[0]}
    matched = {by_stem[stem].id: file for stem, file in match_labels(files, list(by_stem)).items()}
    return MatchedLabels(matched, tuple(record.name for record in records if record.id not in matched))


def import_labels(project_id: str, files: Sequence[Path], settings: AnalyseSettings | None = None) -> RunRecord:
    """Make a run whose cells are those of files, and queue its job.

    Parameters
    ----------
    project_id : str
    files : sequence of Path
        See `cellapp.imports.label_file`; each is called like its image, with what programs put after it.
    settings : AnalyseSettings, optional
        Of the run; its segmenter is not used.

    Raises
    ------
    InputError
        When a file cannot be read, has another size, or belongs to no image; nothing is left behind then.
    """
    records = {record.id: record for record in images.list_images(project_id)}
    matched = match_files(list(records.values()), files).files
    labels = {image_id: _read(records[image_id], file) for image_id, file in matched.items()}
    settings = settings or AnalyseSettings()
    segment = settings.segment.model_copy(update={"segmenter": IMPORTED})
    run = runs.create_run(project_id, list(labels), settings.model_copy(update={"segment": segment}))
    for image in run.images:
        write_labels(LabelMask(labels[image.image_id], IMPORTED), _path(run.id, image.stem))
    queue.submit(ANALYSE, {"run_id": run.id}, project_id)
    worker_process.ensure_worker()
    return run


def run_item(run_id: str, image_id: str, stem: str) -> RunItem:
    """Return an image of a run for `run_images`, with its regions and the labels that were imported."""
    reference_id = images.get_image(image_id).reference_id
    given = _path(run_id, stem)
    read = partial(_stored_labels, given) if given.is_file() else None
    limits = partial(_as_drawn, regions_of_run(run_id, image_id))
    if reference_id is None:
        return RunItem(stem, partial(open_image.open_slide, image_id), read_labels=read, read_regions=limits)
    opened = (partial(open_image.open_slide, one) for one in (reference_id, image_id))
    return RunItem(stem, *opened, read_labels=read, read_regions=limits)


def _as_drawn(regions: DrawnRegions, _shape: tuple[int, int]) -> DrawnRegions:
    return regions


def _read(record: ImageRecord, file: Path) -> np.ndarray:
    try:
        return read_label_file(file, record.info.shape[1:], image=record.name)
    except InputError as error:
        raise InputError(f"{record.name}: {error}") from error


def _path(run_id: str, stem: str) -> Path:
    return runs.run_folder(run_id) / _FOLDER / f"{stem}.tif"


def _stored_labels(path: Path, shape: tuple[int, int]) -> np.ndarray:
    return read_labels(path, shape)
