"""The encoder a head brings with it: its files in the head's folder, known by their digests."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cellapp.errors import ModelError

FOLDER = "encoder"
"""Name of its folder in the head's; of an ensemble that of member k is ``encoder-k``."""


@dataclass(frozen=True)
class OwnEncoder:
    """An encoder that was fine-tuned together with its head and is of use to no other."""

    folder: Path
    files: Mapping[str, str]  # file name -> sha256
    input_px: int  # side of the square it reads
    dtype: str = "auto"  # see `cellapp.models.load.load_model`

    @classmethod
    def describe(cls, folder: Path, *, input_px: int, dtype: str = "auto") -> OwnEncoder:
        """Read the digests of the files in a folder that was just written."""
        return cls(folder, {path.name: _sha256(path) for path in sorted(folder.iterdir())}, input_px, dtype)

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None, folder: Path) -> OwnEncoder | None:
        """Build it of the entry in ``head.json`` and the head's folder; None of a head that has none."""
        if not content:
            return None
        place = str(content["folder"])
        outside = next((name for name in (place, *content["files"]) if not _is_plain(name)), None)
        if outside is not None:
            raise ModelError(
                f"the head in {folder} looks for its encoder in {outside!r}, outside its folder; train it again"
            )
        return cls(folder / place, dict(content["files"]), int(content["input_px"]), str(content["dtype"]))

    @property
    def as_json(self) -> dict[str, Any]:
        """Entry in ``head.json``."""
        return {"folder": self.folder.name, "files": dict(self.files), "input_px": self.input_px, "dtype": self.dtype}

    def copied(self, folder: Path) -> OwnEncoder:
        """Copy the files to another folder and return the encoder there; raises ModelError as `check` does."""
        if folder != self.folder:
            self.check()
            folder.mkdir(parents=True, exist_ok=True)
            for name in self.files:
                shutil.copyfile(self.folder / name, folder / name)
        return replace(self, folder=folder)

    def check(self) -> None:
        """Raise ModelError when a file is missing or is not the one the head was trained with."""
        for name, digest in self.files.items():
            path = self.folder / name
            if not path.is_file():
                raise ModelError(f"the head's own encoder lacks {path}; copy the whole folder of the head again")
            if _sha256(path) != digest:
                raise ModelError(f"{path} is not the file the head was trained with, its sha256 differs; copy it again")


def _is_plain(name: str) -> bool:
    """Return whether a name is that of something directly in a folder, on every system."""
    return name not in ("", ".", "..") and not set("/\\:\0") & set(name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
