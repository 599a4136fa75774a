"""Segmenters of a project: a row for each, and its folder below ``CELLAPP_HOME/segmenters``, never changed again."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from cellapp.errors import InputError
from cellapp.exports.zip_bundle import write_bundle
from cellapp.files import move_into_place
from cellapp.models.checksums import sha256
from cellapp.models.registry import STORED_SEGMENTER, stored_segmenter
from cellapp.store.kept_models import KeptModel, KeptModels, model_name
from cellapp.store.segmenter_schema import SegmenterRow

NETWORK, CELLPOSE = "weights.safetensors", "cellpose"
"""Weights of a network of `train-segmenter`, and a file in Cellpose's own format."""
_BESIDE = ("config.json", "metrics.json", "curves.json")


@dataclass(frozen=True)
class SegmenterRecord(KeptModel):
    """A segmenter that a project keeps, with the metrics of `cellapp.training.segmenter.retrain.retrain`."""

    @property
    def folder(self) -> Path:
        """Folder of its files."""
        return stored_segmenter(self.identity)

    @property
    def of_cellpose(self) -> bool:
        """Whether its weights are a file that Cellpose reads."""
        return (self.folder / CELLPOSE).is_file()


SEGMENTERS = KeptModels(SegmenterRow, SegmenterRecord, "segmenter")
list_segmenters, get_segmenter = SEGMENTERS.list, SEGMENTERS.get
remove_segmenter, restore_segmenter = SEGMENTERS.remove, SEGMENTERS.restore


def add_segmenter(project_id: str, folder: Path, name: str) -> SegmenterRecord:
    """Keep a segmenter in a project; one that is there already stays as it is, and comes back from the bin.

    Parameters
    ----------
    project_id : str
    folder : Path
        With `NETWORK` and config.json, or `CELLPOSE`; and metrics.json.
    name : str

    Raises
    ------
    InputError
        When the folder holds no segmenter, or the name cannot be one.
    """
    name = model_name(name, "segmenter")
    weights = next((path for file in (NETWORK, CELLPOSE) if (path := folder / file).is_file()), None)
    if weights is None:
        raise InputError(f"{str(folder)!r} holds no segmenter; train one with train-segmenter")
    identity = f"{name}@{sha256(weights)[:12]}"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    target = stored_segmenter(identity)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent) as scratch:
        part = Path(scratch) / "segmenter"
        part.mkdir()
        for path in (weights, *(folder / file for file in _BESIDE)):
            if path.is_file():
                shutil.copyfile(path, part / path.name)
        (part / STORED_SEGMENTER).write_text(json.dumps({"name": name}) + "\n", encoding="utf-8")
        if not target.exists():
            move_into_place(part, target)
    return SEGMENTERS.add(project_id, identity, metrics)


def export_segmenter(record: SegmenterRecord, stream: IO[bytes]) -> None:
    """Write a file in Cellpose's format as it is, and any other segmenter as one zip of its folder."""
    if record.of_cellpose:
        with (record.folder / CELLPOSE).open("rb") as weights:
            shutil.copyfileobj(weights, stream)
    else:
        write_bundle(record.folder, stream)
