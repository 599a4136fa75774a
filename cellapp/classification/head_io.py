"""Read and write a head as a folder: ``head.safetensors`` for arrays, ``head.json`` for everything else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cellapp.cells.crop_features import MEASURED
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import NoveltyDetector
from cellapp.errors import ModelError
from cellapp.files import atomic_write
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings

TENSORS, DESCRIPTION = "head.safetensors", "head.json"
_FORMAT = 1
_PLAIN = ("name", "encoder", "positive", "trained_on", "temperature", "calibrated")
_CLOUD = ("means", "basis", "variances")


def save_head(head: LinearHead, folder: Path) -> LinearHead:
    """Write a head as a folder.

    Parameters
    ----------
    head : LinearHead
    folder : Path
        Made when it does not exist; the two files in it are replaced.

    Returns
    -------
    LinearHead
        The same head with the `version` it is stored under.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = save(_tensors(head))
    digest = hashlib.sha256(content).hexdigest()
    _write(folder / TENSORS, content)
    description = _description(head) | {"sha256": digest}
    _write(folder / DESCRIPTION, (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode())
    return replace(head, version=digest[:12])


def load_head(folder: Path) -> LinearHead:
    """Read a head and check its arrays against the sha256 in its description.

    Raises
    ------
    ModelError
        When a file is missing, damaged or written by a later version.
    """
    for name in (TENSORS, DESCRIPTION):
        if not (folder / name).is_file():
            raise ModelError(f"no head in {folder}: {name} is missing; give the folder written by `cellapp train`")
    content = (folder / TENSORS).read_bytes()
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        _check(description, content, folder)
        return _build(description, load(content))
    except (KeyError, TypeError, ValueError, ValidationError, SafetensorError) as error:
        raise ModelError(f"the head in {folder} cannot be read ({error}); train or copy it again") from error


def _check(description: dict[str, Any], content: bytes, folder: Path) -> None:
    if description["format"] != _FORMAT:
        raise ModelError(f"the head in {folder} has format {description['format']}; this version reads {_FORMAT}")
    if hashlib.sha256(content).hexdigest() != description["sha256"]:
        raise ModelError(f"{folder / TENSORS} does not match the sha256 in {DESCRIPTION}; copy the folder again")
    if description.get("measured") not in (None, [], list(MEASURED)):
        raise ModelError(f"the head in {folder} reads measurements this version does not make; train it again")


def _tensors(head: LinearHead) -> dict[str, np.ndarray]:
    tensors = {name: getattr(head, name) for name in ("weight", "bias", "mean", "std")}
    tensors |= {f"cloud.{name}": getattr(head.novelty, name) for name in _CLOUD}
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}


def _description(head: LinearHead) -> dict[str, Any]:
    limit = head.novelty.limit if np.isfinite(head.novelty.limit) else None  # JSON has no infinity
    return {
        "format": _FORMAT,
        **{name: getattr(head, name) for name in _PLAIN},
        "classes": list(head.classes),
        "crop": head.crop.model_dump(mode="json"),
        "preprocess": head.preprocess.model_dump(mode="json"),
        "reads": head.reads.model_dump(mode="json"),
        "measured": list(MEASURED) if head.reads.shape else [],
        "training": dict(head.training),
        "metrics": dict(head.metrics),
        **({"demonstration": head.demonstration} if head.demonstration else {}),
        "cloud": {"rest_variance": head.novelty.rest_variance, "limit": limit},
    }


def _build(description: dict[str, Any], tensors: dict[str, np.ndarray]) -> LinearHead:
    novelty, limit = {name: tensors[f"cloud.{name}"] for name in _CLOUD}, description["cloud"]["limit"]
    return LinearHead(
        **{name: description[name] for name in _PLAIN},
        **{name: tensors[name] for name in ("weight", "bias", "mean", "std")},
        classes=tuple(description["classes"]),
        crop=CropSettings(**description["crop"]),
        preprocess=PreprocessSettings(**description["preprocess"]),
        metrics=description["metrics"],
        reads=FeatureSettings(**description.get("reads", {})),  # absent in heads older than this choice
        training=description.get("training", {}),
        demonstration=str(description.get("demonstration") or ""),  # absent in heads that are not for show
        novelty=NoveltyDetector(
            **novelty,
            rest_variance=description["cloud"]["rest_variance"],
            limit=np.inf if limit is None else limit,
        ),
        version=description["sha256"][:12],
    )


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as part:
        part.write_bytes(content)
