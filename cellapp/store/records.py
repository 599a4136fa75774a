"""Frozen records the store returns; rows stay tied to their database session and are never handed out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cellapp.settings import AnalyseSettings
from cellapp.types.image import FIRST_IMAGE, ImageInfo, Role, Selection

CONDITIONS = ("cell_line", "treatment", "dose", "batch", "time")
"""Conditions of a sample, in the order of the table's columns; values are free text."""


class Status(StrEnum):
    """State of a run, of one image of a run, or of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARTIAL = "partial"  # runs only: some images are done and the others failed or were cancelled

    @property
    def active(self) -> bool:
        """Whether it waits or works, so that it may still change by itself."""
        return self in (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True)
class ProjectRecord:
    """A group of images and runs."""

    id: str
    name: str
    created: datetime  # with time zone, as are all times here
    depth: str = "max"  # how new images reduce depth, see `Selection`


@dataclass(frozen=True)
class ImageRecord:
    """An image of a project."""

    id: str
    project_id: str
    name: str
    digest: str  # of the image: that of its file where it is the file's only one, see `selected_digest`
    info: ImageInfo  # what the header says
    channels: tuple[str, ...]  # names in force, one per channel of `info`
    roles: tuple[Role, ...]
    um_per_px: float | None  # in force: the header's unless the user typed another
    created: datetime
    conditions: Mapping[str, str] = field(default_factory=dict)  # keys are `CONDITIONS`, empty ones left out
    reference_id: str | None = None  # image that is segmented in place of this one
    parts: tuple[str, ...] = ()  # digests of the files a combined image is made from
    removed: datetime | None = None
    file_digest: str = ""  # sha256 of the stored file; empty for a combined image
    selection: Selection = FIRST_IMAGE  # which image of the file it is
    part_selections: tuple[Selection, ...] = ()  # the same for each of `parts`
    n_columns: int = 0  # tiles in a row, where `parts` are the tiles of a grid; 0 where they are channels

    @property
    def sources(self) -> tuple[tuple[str, Selection], ...]:
        """Digest and selection of each stored file the image is read from: one, or one per part."""
        if self.parts:
            return tuple(zip(self.parts, self.part_selections, strict=True))
        return ((self.file_digest, self.selection),)


@dataclass(frozen=True)
class PendingFile:
    """A stored file of several images, of which those to be added are still to be chosen."""

    id: str
    project_id: str
    name: str
    digest: str  # sha256 of the file
    created: datetime
    ticked: tuple[Selection, ...] | None = None  # chosen so far, whatever their depth; None: nobody has chosen yet


@dataclass(frozen=True)
class UploadOutcome:
    """Result of one uploaded file: exactly one of `image`, `pending` and `problem`."""

    name: str
    image: ImageRecord | None = None
    problem: str | None = None
    existed: bool = False  # the same image was in the project before
    pending: PendingFile | None = None  # the file holds several images


@dataclass(frozen=True)
class RunImage:
    """One image of a run."""

    image_id: str
    name: str
    stem: str  # its folder in the run's folder
    status: Status
    n_cells: int | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)  # JSON: the image's row of summary.csv
    error: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """One analysis of some images with one set of settings."""

    id: str
    project_id: str
    name: str
    status: Status
    settings: AnalyseSettings
    images: tuple[RunImage, ...]  # in the order they are analysed
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    removed: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds from start to finish, None while it has not finished."""
        return (self.finished - self.started).total_seconds() if self.started and self.finished else None

    @property
    def n_cells(self) -> int:
        """Cells of all images that are done."""
        return sum(image.n_cells or 0 for image in self.images)

    @property
    def n_done(self) -> int:
        """Images that are done."""
        return sum(image.status is Status.DONE for image in self.images)

    def image(self, image_id: str) -> RunImage | None:
        """Return the run's entry for an image, None when the image is not part of it."""
        return next((image for image in self.images if image.image_id == image_id), None)


@dataclass(frozen=True)
class JobRecord:
    """One piece of long work."""

    id: str
    kind: str  # name of the handler that does it: "analyse", "preview", "fetch"
    payload: Mapping[str, Any]  # JSON
    status: Status
    created: datetime
    project_id: str | None = None
    step: str = ""  # current step, for people
    fraction: float = 0.0  # 0 to 1
    seconds_left: float | None = None
    result: Mapping[str, Any] | None = None  # JSON, once done
    error: str | None = None  # one sentence, once failed
    worker: str | None = None
    heartbeat: datetime | None = None
    cancel_requested: bool = False
    attempts: int = 0  # how often a worker took it
    started: datetime | None = None
    finished: datetime | None = None
