"""Parts of crops.zip, drawn by any process in any order and joined in the order of cells, byte for byte as one piece.

A part is a zip of the files of some cells; its comment holds the sha256 of each raw file, in the order of the cells.
"""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pandas as pd

from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.exports.crop_files import CropLook, write_files
from cellapp.files import atomic_write
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide

_DIGEST_BYTES = 32
_OPEN_FILES = 64


def write_part(
    source: PixelSource | Slide | np.ndarray, mask: LabelMask, cells: pd.DataFrame, path: Path, look: CropLook
) -> Path:
    """Draw some cells into a part; parameters are those of `cellapp.exports.crop_files.write_files`."""
    read = cached_reader(source, mask.labels.shape)
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive:
        archive.comment = b"".join(write_files(archive, read, mask, cells, look))
    return path


class _Entry(NamedTuple):
    info: zipfile.ZipInfo
    path: Path
    start: int
    end: int


class CropParts:
    """The parts of one crops.zip.

    Parameters
    ----------
    paths : iterable of Path
        Written by `write_part`.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._of: dict[str, tuple[bytes, list[_Entry]]] = {}
        for path in paths:
            self._of |= _listed(path)

    def copy(self, cell_ids: pd.Index, archive: zipfile.ZipFile) -> Iterator[bytes]:
        """Copy the files of cells into an archive open for writing and yield the sha256 of each raw one.

        What is compressed stays so; Python's library cannot copy that, so that its list of files is filled here.
        """
        opened = lru_cache(_OPEN_FILES)(lambda path: path.open("rb"))
        for cell_id in cell_ids:
            digest, entries = self._of[str(cell_id)]
            for entry in entries:
                _append(archive, entry, opened(entry.path))
            yield digest


def _listed(path: Path) -> dict[str, tuple[bytes, list[_Entry]]]:
    """Return by cell id the digest and the two entries of each cell of a part."""
    with zipfile.ZipFile(path) as part:
        infos, comment = part.infolist(), part.comment
        ends = [*(info.header_offset for info in infos), part.start_dir]
    spans = [_Entry(info, path, *span) for info, span in zip(infos, pairwise(ends), strict=True)]
    digests = [comment[at : at + _DIGEST_BYTES] for at in range(0, len(comment), _DIGEST_BYTES)]
    pairs = [spans[at : at + 2] for at in range(0, len(spans), 2)]
    ids = [Path(raw.info.filename).stem for raw, _ in pairs]
    return {cell_id: (digest, pair) for cell_id, digest, pair in zip(ids, digests, pairs, strict=True)}


def _append(archive: zipfile.ZipFile, entry: _Entry, file: IO[bytes]) -> None:
    """Copy the bytes of one file, header included, to where the list of files begins, and list it."""
    info = copy.copy(entry.info)
    file.seek(entry.start)
    archive.fp.seek(archive.start_dir)
    info.header_offset = archive.fp.tell()
    archive.fp.write(file.read(entry.end - entry.start))
    archive.start_dir = archive.fp.tell()
    archive.filelist.append(info)
    archive.NameToInfo[info.filename] = info
