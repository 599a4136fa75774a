"""Parts of crops.zip, drawn by any process in any order and joined in the order of cells, byte for byte as one piece.

A part is a zip of the files of some cells; its comment holds the sha256 of each raw file, in the order of the cells.
"""

from __future__ import annotations

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
from cellapp.exports.zip_entries import Entry, append
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


class _Span(NamedTuple):
    """Where a file stands in a part."""

    info: zipfile.ZipInfo
    path: Path
    start: int
    end: int

    def read(self, part: IO[bytes]) -> Entry:
        """Read it as it stands, header included."""
        part.seek(self.start)
        return Entry(self.info, part.read(self.end - self.start))


class CropParts:
    """The parts of one crops.zip.

    Parameters
    ----------
    paths : iterable of Path
        Written by `write_part`.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._of: dict[str, tuple[bytes, list[_Span]]] = {}
        for path in paths:
            self._of |= _listed(path)

    def copy(self, cell_ids: pd.Index, archive: zipfile.ZipFile) -> Iterator[bytes]:
        """Copy the files of cells, as they are, into an archive open for writing; yield the sha256 of each raw one."""
        opened = lru_cache(_OPEN_FILES)(lambda path: path.open("rb"))
        for cell_id in cell_ids:
            digest, spans = self._of[str(cell_id)]
            for span in spans:
                append(archive, span.read(opened(span.path)))
            yield digest


def _listed(path: Path) -> dict[str, tuple[bytes, list[_Span]]]:
    """Return by cell id the digest and the two entries of each cell of a part."""
    with zipfile.ZipFile(path) as part:
        infos, comment = part.infolist(), part.comment
        ends = [*(info.header_offset for info in infos), part.start_dir]
    spans = [_Span(info, path, *span) for info, span in zip(infos, pairwise(ends), strict=True)]
    digests = [comment[at : at + _DIGEST_BYTES] for at in range(0, len(comment), _DIGEST_BYTES)]
    pairs = [spans[at : at + 2] for at in range(0, len(spans), 2)]
    ids = [Path(raw.info.filename).stem for raw, _ in pairs]
    return {cell_id: (digest, pair) for cell_id, digest, pair in zip(ids, digests, pairs, strict=True)}
