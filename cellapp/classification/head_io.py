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

from cellapp.cells.input_features import measured_names
from cellapp.classification.conformal import ConformalLimits
from cellapp.classification.ensemble import EnsembleHead, Head
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import NoveltyDetector
from cellapp.classification.own_encoder import FOLDER as ENCODER
from cellapp.classification.own_encoder import OwnEncoder
from cellapp.errors import ModelError, UnknownModelError, disk_sentence
from cellapp.files import atomic_write
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings

TENSORS, DESCRIPTION = "head.safetensors", "head.json"
ENSEMBLE = "ensemble"
"""What `kind` in head.json says of an ensemble; linear heads have none."""
_FORMATS = {None: 1, ENSEMBLE: 2}  # by kind: earlier versions read format 1 alone, and refuse ensembles in a sentence
_PLAIN = ("name", "encoder", "positive", "trained_on", "temperature", "calibrated")
_PLAIN_OF_ENSEMBLE = ("name", "positive", "trained_on", "weighting")
_CLOUD = ("means", "basis", "variances")


def save_head(head: Head, folder: Path) -> Head:
    """Write a head as a folder.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    folder : Path
        Made when it does not exist; the two files in it are replaced, and an encoder of the head's own is copied there.

    Returns
    -------
    LinearHead or EnsembleHead
        The same head with the `version` it is stored under.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = _with_encoders(head, folder)
    content = save(_tensors(head))
    digest = hashlib.sha256(content).hexdigest()
    _write(folder / TENSORS, content)
    description = _description(head) | {"sha256": digest}
    _write(folder / DESCRIPTION, (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode())
    return replace(head, version=digest[:12])


def _with_encoders(head: Head, folder: Path, place: str = ENCODER) -> Head:
    """Copy the encoders that a head, or the members of an ensemble, bring with them into its folder."""
    if isinstance(head, EnsembleHead):
        members = (_with_encoders(member, folder, f"{place}-{k}") for k, member in enumerate(head.members))
        return replace(head, members=tuple(members))
    return head if head.own_encoder is None else replace(head, own_encoder=head.own_encoder.copied(folder / place))


def load_head(folder: Path) -> Head:
    """Read a head and check its arrays against the sha256 in its description.

    Raises
    ------
    UnknownModelError
        When a file is missing or cannot be read.
    ModelError
        When one is damaged or was written by a later version.
    """
    content = _read(folder, TENSORS)
    try:
        description = json.loads(_read(folder, DESCRIPTION))
        _check(description, content, folder)
        return _build(description, load(content), folder)
    except (KeyError, TypeError, ValueError, RecursionError, ValidationError, SafetensorError) as error:
        raise ModelError(f"the head in {folder} cannot be read ({error}); train or copy it again") from error


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnknownModelError(
            f"no head in {folder}: {name} is missing; give the folder written by `python -m cellapp train`"
        ) from error
    except OSError as error:
        raise UnknownModelError(f"no head can be read: {disk_sentence(error)}") from error


def _check(description: dict[str, Any], content: bytes, folder: Path) -> None:
    known = _FORMATS.get(description.get("kind"))
    if description["format"] != known:
        raise ModelError(f"the head in {folder} has format {description['format']}; this version reads {known or 1}")
    if hashlib.sha256(content).hexdigest() != description["sha256"]:
        raise ModelError(f"{folder / TENSORS} does not match the sha256 in {DESCRIPTION}; copy the folder again")
    parts = description.get("members", [description])
    if any(part.get("measured") and part["measured"] != _measured(part) for part in parts):
        raise ModelError(f"the head in {folder} reads measurements this version does not make; train it again")


def _measured(description: dict[str, Any]) -> list[str]:
    """Return the measurements that a head with these settings reads in this version."""
    return list(measured_names(FeatureSettings.model_validate(description.get("reads", {}))))


def _tensors(head: Head) -> dict[str, np.ndarray]:
    """Return arrays by name; of an ensemble those of member k as "k/name", and the weights."""
    if isinstance(head, EnsembleHead):
        parts = {f"{k}/{name}": part for k, one in enumerate(head.members) for name, part in _tensors(one).items()}
        return {"weights": np.array(head.weights, np.float64), **parts}
    tensors = {name: getattr(head, name) for name in ("weight", "bias", "mean", "std")}
    tensors |= {f"cloud.{name}": getattr(head.novelty, name) for name in _CLOUD}
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}


def _description(head: Head) -> dict[str, Any]:
    """Return what head.json holds, but for the digest of the tensors."""
    if isinstance(head, EnsembleHead):
        return _ensemble_description(head)
    limit = head.novelty.limit if np.isfinite(head.novelty.limit) else None  # JSON has no infinity
    return {
        "format": _FORMATS[None],
        **{name: getattr(head, name) for name in _PLAIN},
        "classes": list(head.classes),
        "crop": head.crop.model_dump(mode="json"),
        "preprocess": head.preprocess.model_dump(mode="json"),
        "reads": head.reads.model_dump(mode="json"),
        "measured": list(measured_names(head.reads)),
        "training": dict(head.training),
        "metrics": dict(head.metrics),
        **({"demonstration": head.demonstration} if head.demonstration else {}),
        **({"conformal": head.conformal.as_json} if head.conformal else {}),
        **({"own_encoder": head.own_encoder.as_json} if head.own_encoder else {}),
        "cloud": {"rest_variance": head.novelty.rest_variance, "limit": limit},
    }


def _ensemble_description(head: EnsembleHead) -> dict[str, Any]:
    return {
        "format": _FORMATS[ENSEMBLE],
        "kind": ENSEMBLE,
        **{name: getattr(head, name) for name in _PLAIN_OF_ENSEMBLE},
        "classes": list(head.classes),
        "training": dict(head.training),
        "metrics": dict(head.metrics),
        **({"conformal": head.conformal.as_json} if head.conformal else {}),
        "members": [_description(member) | {"sha256": member.version} for member in head.members],
    }


def _build(description: dict[str, Any], tensors: dict[str, np.ndarray], folder: Path) -> Head:
    if description.get("kind") == ENSEMBLE:
        return _build_ensemble(description, tensors, folder)
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
        conformal=ConformalLimits.from_json(description["conformal"]) if description.get("conformal") else None,
        own_encoder=OwnEncoder.from_json(description.get("own_encoder"), folder),  # only of fine-tuned heads
        novelty=NoveltyDetector(
            **novelty,
            rest_variance=description["cloud"]["rest_variance"],
            limit=np.inf if limit is None else limit,
        ),
        version=description["sha256"][:12],
    )


def _build_ensemble(description: dict[str, Any], tensors: dict[str, np.ndarray], folder: Path) -> EnsembleHead:
    members = [_build(member, _of_member(tensors, k), folder) for k, member in enumerate(description["members"])]
    return EnsembleHead(
        **{name: description[name] for name in _PLAIN_OF_ENSEMBLE},
        members=tuple(members),
        weights=tuple(tensors["weights"].tolist()),
        training=description["training"],
        metrics=description["metrics"],
        conformal=ConformalLimits.from_json(description["conformal"]) if description.get("conformal") else None,
        version=description["sha256"][:12],
    )


def _of_member(tensors: dict[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    """Return the arrays of one member of an ensemble by their own names."""
    return {name.removeprefix(f"{k}/"): part for name, part in tensors.items() if name.startswith(f"{k}/")}


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as part:
        part.write_bytes(content)
