"""Where the finished parts of an image wait until the image is done, so that a killed run goes on from them."""

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
from cellapp.files import atomic_write

_KEY, _LABELS = "key.json", "labels.npy"


@dataclass(frozen=True)
class Checkpoint:
    """Named parts as compressed npz files, each there in one piece or not at all; every process may write its own."""

    path: Path

    def has(self, name: str) -> bool:
        """Tell whether a part is finished."""
        return self._file(name).is_file()

    def keep(self, name: str, **arrays: np.ndarray) -> None:
        """Write a part."""
        with atomic_write(self._file(name)) as part:
            np.savez_compressed(part, **arrays)

    def get(self, name: str, *fields: str) -> dict[str, np.ndarray]:
        """Read a part, or only some of its arrays."""
        with np.load(self._file(name), allow_pickle=False) as arrays:
            return {field: arrays[field] for field in fields or arrays.files}

    @property
    def has_labels(self) -> bool:
        """Whether the label image is finished."""
        return (self.path / _LABELS).is_file()

    @contextmanager
    def drawing(self, shape: tuple[int, int]) -> Iterator[np.ndarray]:
        """Give a label image of zeros, (Y, X) int32, that is on disk and stays when the block ends without an error."""
        with atomic_write(self.path / _LABELS) as part:
            canvas = np.lib.format.open_memmap(part, "w+", np.int32, shape)
            yield canvas
            canvas.flush()

    def labels(self) -> np.ndarray:
        """Return the label image, (Y, X) int32, mapped: only what is looked at is read, and memory can give it up."""
        return np.load(self.path / _LABELS, mmap_mode="r")

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.npz"


@contextmanager
def open_checkpoint(path: Path, key: Mapping[str, Any], *, resume: bool) -> Iterator[Checkpoint]:
    """Open the work folder of one image; it is deleted when the block ends without an error.

    A kill or a cancelled run leaves it behind. It is used again when asked for, by the same work.

    Parameters
    ----------
    path : Path
    key : mapping
        What the parts depend on, as plain JSON values; parts made with another key are thrown away.
    resume : bool
        Go on from the parts that are there.
    """
    if not (resume and _key_of(path) == dict(key)):
        shutil.rmtree(path, ignore_errors=True)
    with atomic_write(path / _KEY) as part:
        part.write_text(json.dumps(dict(key), sort_keys=True), encoding="utf-8")
    try:
        yield Checkpoint(path)
    except InputError:  # the image cannot be used, so nobody will come back for its parts
        shutil.rmtree(path, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def temporary_checkpoint() -> Iterator[Checkpoint]:
    """Give a work folder that nobody comes back to."""
    with tempfile.TemporaryDirectory(prefix="cellapp-", ignore_cleanup_errors=True) as folder:
        yield Checkpoint(Path(folder))


def _key_of(path: Path) -> Any:
    try:
        return json.loads((path / _KEY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
