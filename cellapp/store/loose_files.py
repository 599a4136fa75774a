"""Files that arrive together and are one image together: an OME-TIFF set, the files of a measurement."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.files import clean_name, without_litter
from cellapp.images.file_sets import gather_sets, image_files
from cellapp.images.formats.inside import leads_out
from cellapp.store.blobs import home_folder
from cellapp.store.projects import get_project
from cellapp.store.records import UploadOutcome
from cellapp.store.staging import StagedFile, staged
from cellapp.store.uploads import add_arrived, add_upload, refused


def add_together(project_id: str, sources: Iterable[tuple[str, Path | Iterable[bytes]]]) -> tuple[UploadOutcome, ...]:
    """Add files that were uploaded together.

    Parameters
    ----------
    project_id : str
    sources : iterable of (str, Path or iterable of bytes)
        Name of each file, and the file or its chunks as they arrive.

    Returns
    -------
    tuple of UploadOutcome
        As `cellapp.store.uploads.add_upload` gives for each file, but files that are one image together are added as
        one, stored as a folder under their digest.
    """
    get_project(project_id)
    outcomes: list[UploadOutcome] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home_folder("files", "incoming"))))
        (folder / "loose").mkdir()
        (folder / "sets").mkdir()
        arrived: dict[Path, StagedFile] = {}
        for name, source in sources:
            try:
                file = stack.enter_context(staged(source, app_settings().budget))
            except (InputError, StoreError) as error:  # a smaller one may have room
                outcomes += refused(name, error)
                continue
            arrived[_link(file, folder / "loose", clean_name(name), len(arrived))] = file
        for path in gather_sets(list(arrived), folder / "sets"):
            if path in arrived:
                outcomes += add_arrived(project_id, arrived[path], path.name)
            else:
                outcomes += add_upload(project_id, path, path.name)
    return tuple(outcomes)


def list_folder(folder: Path) -> dict[str, Path]:
    """Return what may be added from a folder of the server, by name: no litter, and no link that leads out of it."""
    if not folder.is_dir():
        return {}
    return {path.name: path for path in without_litter(folder.iterdir(), folder) if not leads_out(folder, path)}


def with_their_sets(paths: Iterable[Path]) -> Iterator[Path]:
    """Give files of a folder of the server and those beside them that are one image with them, each once."""
    for members in image_files(paths).values():
        yield from members


def _link(file: StagedFile, folder: Path, name: str, n: int) -> Path:
    """Give a file that arrived its own name, beside the others; one of a name that is taken lies by itself."""
    if (folder / name).exists():
        folder = folder / str(n)
        folder.mkdir()
    path = folder / name
    if file.path.is_dir():
        path.symlink_to(file.path, target_is_directory=True)
        return path
    try:
        os.link(file.path, path)
    except OSError:  # a disk without hard links
        shutil.copyfile(file.path, path)
    return path
