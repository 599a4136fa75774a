"""From a file whose bytes have arrived to the rows of its images."""

from __future__ import annotations

from datetime import datetime

from cellapp.config import app_settings
from cellapp.files import clean_name
from cellapp.images.choice import choose
from cellapp.images.probe import admit_all
from cellapp.images.read import selected_digest
from cellapp.store.image_rows import insert_image, present
from cellapp.store.pending import add_pending
from cellapp.store.projects import get_project
from cellapp.store.records import ImageRecord, UploadOutcome
from cellapp.store.schema import now
from cellapp.store.staging import StagedFile, keep
from cellapp.types.image import ImageInfo


def add_chosen(
    project_id: str, arrived: StagedFile, name: str, scene: int | None, time: int | None, depth: str | None
) -> tuple[ImageRecord, ...]:
    """Add images of a file; see `cellapp.store.uploads.add_images`."""
    rule = depth or get_project(project_id).depth
    chosen = choose(admit_all(arrived.path, clean_name(name), app_settings().budget, rule), scene, time)
    keep(arrived)
    together = now()
    return tuple(_insert(project_id, arrived.digest, info, together)[0] for info in chosen)


def add_or_ask(project_id: str, arrived: StagedFile, shown: str) -> tuple[UploadOutcome, ...]:
    """Add the only image of a file, or keep a file of several until some are chosen; what is there already is found."""
    infos = admit_all(arrived.path, shown, app_settings().budget, get_project(project_id).depth)
    keep(arrived)
    if len(infos) == 1:
        record, existed = _insert(project_id, arrived.digest, infos[0])
        return (UploadOutcome(shown, image=record, existed=existed),)
    digests = [selected_digest(arrived.digest, info.selection) for info in infos]
    here = present(project_id, digests)
    if len(here) == len(infos):
        return tuple(UploadOutcome(here[one].name, image=here[one], existed=True) for one in digests)
    return (UploadOutcome(shown, pending=add_pending(project_id, arrived.digest, shown)),)


def _insert(
    project_id: str, file_digest: str, info: ImageInfo, created: datetime | None = None
) -> tuple[ImageRecord, bool]:
    digest = selected_digest(file_digest, info.selection)
    return insert_image(project_id, digest, info.title, info, file_digest=file_digest, created=created)
