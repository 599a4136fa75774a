"""What the checkpoints of a fine-tuning are of: an interrupted one goes on only as what it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.types.protocols import Encoder

_RUN = "run.json"


class OtherTraining(InputError):
    """Checkpoints in a folder are of another training."""


def claim(work: Path, recipe: HeadRecipe, encoder: Encoder, dataset: EncodedDataset) -> None:
    """Write down what the checkpoints in a folder are of.

    Raises
    ------
    OtherTraining
        When there are some already, of another recipe, encoder, device or other cells.
    """
    cells = sorted(zip(dataset.digests, dataset.crops.labels, dataset.crops.groups, strict=True))
    facts = {"recipe": recipe.toml, "encoder": encoder.identity, "device": encoder.device}
    facts["cells"] = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
    if not (work / _RUN).is_file():
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / _RUN, facts)
    elif json.loads((work / _RUN).read_text(encoding="utf-8")) != facts:
        raise OtherTraining(
            f"{str(work)!r} holds an interrupted training with another recipe, encoder or other pictures; "
            "go on with those, choose another --out, or remove that folder"
        )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON values to a file, whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
