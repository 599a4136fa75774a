"""What opens an image: of a file, of a file per channel, of tiles. Each can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.images.channel_files import combine
from cellapp.images.limits import check_budget
from cellapp.images.mosaic import join_tiles
from cellapp.images.read import open_slide
from cellapp.types.image import Selection, Slide


@dataclass(frozen=True)
class OneFile:
    """Opens one image of a file."""

    path: Path  # absolute
    selection: Selection

    def __call__(self) -> Slide:
        """Open the image."""
        return open_slide(self.path, selection=self.selection, budget=app_settings().budget)


@dataclass(frozen=True)
class ChannelFiles:
    """Opens images of one channel each as the channels of one."""

    parts: tuple[OneFile, ...]
    channels: tuple[str, ...]
    name: str

    def __call__(self) -> Slide:
        """Open the image."""
        return _named(combine([part() for part in self.parts], self.channels), self.name)


@dataclass(frozen=True)
class TileFiles:
    """Opens the tiles of a grid as one image."""

    parts: tuple[OneFile, ...]  # row by row
    n_columns: int
    name: str

    def __call__(self) -> Slide:
        """Open the image."""
        return _named(join_tiles([part() for part in self.parts], self.n_columns, self.name), self.name)


@dataclass(frozen=True)
class Refused:
    """Stands for an image that cannot be opened: the others are done, and this one tells why when it is its turn."""

    reason: str

    def __call__(self) -> Slide:
        """Raise the `InputError` that says why."""
        raise InputError(self.reason)


def _named(slide: Slide, name: str) -> Slide:
    check_budget(slide.info, app_settings().budget)
    return replace(slide, info=replace(slide.info, name=name, file=name))
