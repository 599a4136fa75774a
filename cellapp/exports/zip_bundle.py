"""All result files of a run as one zip."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from cellapp.files import is_litter

DATE = (1980, 1, 1, 0, 0, 0)  # equal files give equal bytes, whenever they were written
_PACKED = {".zip", ".png", ".npz", ".parquet", ".tif"}


def bundle_files(folder: Path) -> list[Path]:
    """List the files of a run that belong to its results, sorted; half-written and hidden ones do not.

    Parameters
    ----------
    folder : Path
        Folder of the run, or of one of its images.
    """
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(_is_temporary(part) for part in path.relative_to(folder).parts))


def write_bundle(folder: Path, stream: IO[bytes], files: Iterable[Path] | None = None) -> None:
    """Write files of a folder into one zip, block by block.

    Parameters
    ----------
    folder : Path
        Names inside the zip are relative to it.
    stream : binary file, open for writing
        Files already compressed are stored as they are; the same files give the same bytes.
    files : iterable of Path, optional
        Only these; `bundle_files` when left out.
    """
    with zipfile.ZipFile(stream, "w", allowZip64=True) as archive:
        for source in files if files is not None else bundle_files(folder):
            entry = zipfile.ZipInfo(source.relative_to(folder).as_posix(), DATE)
            entry.compress_type = zipfile.ZIP_STORED if source.suffix in _PACKED else zipfile.ZIP_DEFLATED
            entry.file_size = source.stat().st_size
            with source.open("rb") as read, archive.open(entry, "w") as write:
                shutil.copyfileobj(read, write, 2**20)


def _is_temporary(part: str) -> bool:
    return is_litter(part) or ".part" in part
