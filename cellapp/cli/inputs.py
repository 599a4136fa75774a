"""INPUT of the command line: files, folders and globs, as images."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from cellapp.cli.output import note
from cellapp.errors import InputError
from cellapp.images.probe import SUFFIXES
from cellapp.synthetic.write import is_truth


def expand(inputs: Sequence[str]) -> list[Path]:
    """Turn files, folders and globs into image paths, each once.

    The truth that `demo` writes beside its slide is left out, with a note.

    Raises
    ------
    InputError
        When one names nothing.
    """
    paths: dict[Path, None] = {}
    for text in inputs:
        for path in _one(text):
            if path.suffix.lower() in {".tif", ".tiff"} and is_truth(path):
                note(f"left out {path.name}: it is the truth of a synthetic slide")
            else:
                paths[path] = None
    if not paths:
        raise InputError(f"no images in {', '.join(inputs)}")
    return list(paths)


def _one(text: str) -> list[Path]:
    path = Path(text)
    if path.is_file() or path.suffix.lower() == ".zarr":
        if not path.exists():
            raise InputError(f"no file {text!r}")
        return [path]
    if path.is_dir():
        return sorted(child for child in path.iterdir() if child.suffix.lower() in SUFFIXES)
    found = sorted(Path(name) for name in glob.glob(text, recursive=True))
    if not found:
        raise InputError(f"no file, folder or match for {text!r}")
    return found
