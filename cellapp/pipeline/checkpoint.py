"""The finished parts of an image on disk, until the image is done: a run that is killed goes on from them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.embeddings import write_arrays
from cellapp.files import atomic_write, told_as

_KEY, _LABELS = "key.json", "labels.npy"


@dataclass(frozen=True)
class Checkpoint:
    """A folder of named parts, npz files, and one label image.

    Each file is there in one piece or not at all, so that several processes may write parts at the same time.
    """

    path: Path

    def has(self, name: str) -> bool:
        """Whether a part is finished."""
        return self._file(name).is_file()

    def write(self, name: str, **arrays: np.ndarray) -> None:
        """Write the arrays of a part."""
        write_arrays(arrays, self._file(name), level=1)  # read once and deleted

    def read(self, name: str, *fields: str) -> dict[str, np.ndarray]:
        """Read the arrays of a part, or only those named.

        Parameters
        ----------
        name : str
            Of a part that is finished.
        *fields : str
            Names of arrays, as they were given to `write`; only these are decompressed.
        """
        with np.load(self._file(name), allow_pickle=False) as arrays:
            return {field: arrays[field] for field in fields or arrays.files}

    @property
    def has_labels(self) -> bool:
        """Whether the label image is finished."""
        return (self.path / _LABELS).is_file()

    @contextmanager
    def new_labels(self, shape: tuple[int, int]) -> Iterator[np.ndarray]:
        """Give a label image of zeros, (Y, X) int32, on disk; it is kept when the block ends without an error."""
        with atomic_write(self.path / _LABELS) as part:
            labels = np.lib.format.open_memmap(part, "w+", np.int32, shape)
            yield labels
            labels.flush()

    def labels(self) -> np.ndarray:
        """Return the label image, (Y, X) int32, mapped from disk: only what is indexed is read into memory."""
        return np.load(self.path / _LABELS, mmap_mode="r")

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.npz"


@contextmanager
def open_checkpoint(path: Path, key: Mapping[str, Any], *, resume: bool) -> Iterator[Checkpoint]:
    """Open the checkpoint of one image; it is deleted when the block ends without an error.

    A killed or cancelled run leaves it behind for the next one with the same key.

    Parameters
    ----------
    path : Path
        Its folder.
    key : mapping
        What the parts depend on, as plain JSON values; parts made with another key are deleted.
    resume : bool
        Go on from the parts that are there; otherwise they are deleted.

    Yields
    ------
    Checkpoint
    """
    if not (resume and _key_of(path) == dict(key)):
        shutil.rmtree(path, ignore_errors=True)
    with told_as(path.parent, path.name):
        path.mkdir(parents=True, exist_ok=True)
    with atomic_write(path / _KEY) as part:
        part.write_text(json.dumps(dict(key), sort_keys=True), encoding="utf-8")
    try:
        yield Checkpoint(path)
    except InputError:  # the image cannot be used, so that no later run will go on from its parts
        shutil.rmtree(path, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def temporary_checkpoint() -> Iterator[Checkpoint]:
    """Give a checkpoint in a temporary folder, for work that is never resumed."""
    with tempfile.TemporaryDirectory(prefix="cellapp-", ignore_cleanup_errors=True) as folder:
        yield Checkpoint(Path(folder))


def _key_of(path: Path) -> Any:
    try:
        return json.loads((path / _KEY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
