"""From a name to a model: find the files, check them, build a read-only model.

A name is one of ``models/registry.toml``, the identity "name@version" of a head that a project keeps, or a path: an
encoder folder in the format of Hugging Face or timm, a head folder, a compact segmenter's folder, or a Cellpose file.
Nothing is kept: callers decide how long a model lives, see `cellapp.models.kept`. Loading never downloads, see
`cellapp.models.fetch`; and it imports only the libraries the model needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cellapp.compute.allocator import keep_freed_memory
from cellapp.compute.devices import probe_device, probe_dtype
from cellapp.config import app_settings
from cellapp.errors import UnknownModelError
from cellapp.models.checksums import read_lock
from cellapp.models.registry import STORED_SEGMENTER, ModelEntry, entry, is_declared, model_folder, require_kind
from cellapp.models.status import require_ready
from cellapp.settings import IMPORTED

if TYPE_CHECKING:
    from cellapp.classification.ensemble import Head
    from cellapp.classification.head import LinearHead
    from cellapp.types.protocols import Encoder, Segmenter

_COMPACT_WEIGHTS = "weights.safetensors"  # of cellapp.segmentation.flow_unet_io, which imports torch


def load_model(
    name: str, device: str = "auto", dtype: str = "auto", kind: str | None = None
) -> Segmenter | Encoder | Head:
    """Load a segmenter, an encoder or a head.

    Parameters
    ----------
    name : str
        A name of the registry, the identity of a head of a project, or the path of an encoder's, a head's or a
        segmenter's folder, or of a Cellpose file.
    device, dtype : str
        See `cellapp.compute.devices`; "auto" takes the settings, and those measure the machine.
    kind : str, optional
        "segmenter", "encoder" or "head" where a model of another kind is of no use.

    Returns
    -------
    Segmenter, Encoder, LinearHead or EnsembleHead
        What the registry declares it to be, or what the files of a path are.

    Raises
    ------
    UnknownModelError
        When there is no such model, or it is of another kind.
    ModelError
        When it is not here, damaged, gated or cannot run here.
    """
    keep_freed_memory()  # here, as every process that runs a model comes by: pages, workers of any engine, programs
    if name == IMPORTED:
        return _imported()
    if name and not is_declared(name) and (path := model_folder(name)).exists():
        model = _load_path(path, device, dtype)
        require_kind(name, _kind_of(model), kind)
        return model
    declared = entry(name, kind)
    require_ready(declared)
    return ADAPTERS[declared.adapter](declared, device, dtype)


def _kind_of(model: Segmenter | Encoder | Head) -> str:
    """Return the kind of a model by what it can do, see `cellapp.types.protocols`."""
    return "segmenter" if hasattr(model, "flows") else "encoder" if hasattr(model, "embed") else "head"


def load_encoder_of(head: Head, device: str = "auto", dtype: str = "auto") -> Encoder:
    """Load the encoder a head was trained on: its own, from its folder, or the one it names.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    device, dtype : str
        See `load_model`.

    Raises
    ------
    ModelError
        When the encoder is not here, damaged or not the one the head was trained on.
    """
    if head.own_encoder is None:
        encoder = load_model(head.encoder_name, device, dtype)
    else:
        own = head.own_encoder
        own.check()
        name, _, revision = head.encoder.rpartition("@")
        encoder = _encoder(own.folder, name, revision, device, own.dtype if dtype == "auto" else dtype, own.input_px)
    head.check_encoder(encoder)
    return encoder


def _load_path(path: Path, device: str, dtype: str) -> Segmenter | Encoder | Head:
    """Tell by its files what a path holds, and load it."""
    from cellapp.classification.head_io import DESCRIPTION, TENSORS
    from cellapp.encoders.hf_folder import CONFIG, WEIGHTS, local_revision

    if path.is_file():
        return _cellpose(path, device, dtype)
    if (path / STORED_SEGMENTER).exists():
        return _stored_segmenter(path, device, dtype)
    if (path / DESCRIPTION).exists() or (path / TENSORS).exists():
        return _head(path)
    if (path / _COMPACT_WEIGHTS).exists():
        return _compact(path, path.name, device, dtype)
    if head := brought_by(path):
        return load_encoder_of(head, device, dtype)
    if (path / CONFIG).exists():
        revision = local_revision(path) if (path / WEIGHTS).is_file() else ""
        return _encoder(path, str(path), revision, device, dtype, None)
    raise UnknownModelError(f"{path} holds neither {CONFIG} (an encoder or segmenter) nor {DESCRIPTION} (a head)")


def brought_by(encoder: Path) -> LinearHead | None:
    """Return the head in the folder above that brings this encoder with it."""
    from cellapp.classification.head_io import DESCRIPTION, load_head

    if not (encoder.parent / DESCRIPTION).is_file():
        return None
    head = load_head(encoder.parent)
    members = getattr(head, "members", (head,))
    return next((one for one in members if one.own_encoder and one.own_encoder.folder == encoder), None)


def _revision(model: ModelEntry) -> str:
    """Return the commit of a downloaded encoder, or the revision derived from the files of a bundled one."""
    from cellapp.encoders.hf_folder import local_revision

    if model.revision:
        return model.revision
    return read_lock()[model.name].revision if model.source == "hub" else local_revision(model.folder)


def _head(folder: Path) -> Head:
    from cellapp.classification.head_io import load_head

    return load_head(folder)


def _imported() -> Segmenter:
    from cellapp.segmentation.imported import ImportedLabels

    return ImportedLabels()


def _classical() -> Segmenter:
    from cellapp.segmentation.classical import Classical

    return Classical()


def _encoder(folder: Path, name: str, revision: str, device: str, dtype: str, input_px: int | None) -> Encoder:
    from cellapp.encoders.hf_folder import is_of_timm

    device, dtype = _resolve(device, dtype)
    if is_of_timm(folder):
        from cellapp.encoders.timm_encoder import TimmEncoder as Adapter
    else:
        from cellapp.encoders.dino import HubEncoder as Adapter
    return Adapter(folder, name=name, revision=revision, input_px=input_px, device=device, dtype=dtype)


def _cellpose(weights: Path, device: str, dtype: str, name: str = "") -> Segmenter:
    from cellapp.segmentation.cellpose import CellposeSegmenter

    device, dtype = _resolve(device, dtype)
    return CellposeSegmenter(weights, device=device, dtype=dtype, name=name)


def _stored_segmenter(folder: Path, device: str, dtype: str) -> Segmenter:
    name = json.loads((folder / STORED_SEGMENTER).read_text(encoding="utf-8"))["name"]
    if (folder / "cellpose").is_file():
        return _cellpose(folder / "cellpose", device, dtype, name)
    return _compact(folder, name, device, dtype)


def _compact(folder: Path, name: str, device: str, dtype: str) -> Segmenter:
    from cellapp.segmentation.flow_unet_io import read_settings

    device, dtype = _resolve(device, dtype)
    if read_settings(folder).head == "foreground":
        from cellapp.segmentation.semantic import SemanticSegmenter as Adapter
    else:
        from cellapp.segmentation.compact import CompactSegmenter as Adapter
    return Adapter(folder, name=name, device=device, dtype=dtype)


def _compact_pair(model: ModelEntry, device: str, dtype: str) -> Segmenter:
    from cellapp.segmentation.compact_pair import CompactPair

    second = entry(model.second)
    require_ready(second)
    device, dtype = _resolve(device, dtype)
    return CompactPair(model.folder, second.folder, name=model.name, device=device, dtype=dtype)


def _resolve(device: str, dtype: str) -> tuple[str, str]:
    """Decide device and number format: those given, else those of the settings, else what the machine does best."""
    resolved = probe_device(device if device != "auto" else app_settings().device)
    return resolved, probe_dtype(resolved, dtype if dtype != "auto" else app_settings().dtype)


def _encoder_of_registry(model: ModelEntry, device: str, dtype: str) -> Encoder:
    dtype = model.dtype if dtype == "auto" else dtype
    return _encoder(model.folder, model.name, _revision(model), device, dtype, model.input_px)


ADAPTERS: Mapping[str, Callable[[ModelEntry, str, str], Segmenter | Encoder | Head]] = {
    "classical": lambda model, device, dtype: _classical(),
    "compact": lambda model, device, dtype: _compact(model.folder, model.folder.name, device, dtype),
    "compact-pair": lambda model, device, dtype: _compact_pair(model, device, dtype),
    "foreground": lambda model, device, dtype: _compact(model.folder, model.name, device, dtype),
    "cellpose": lambda model, device, dtype: _cellpose(model.folder / next(iter(model.files)), device, dtype),
    "dino": _encoder_of_registry,
    "timm": _encoder_of_registry,
    "head": lambda model, device, dtype: _head(model.folder),
}
"""What loads a model of the registry, by the `adapter` of its entry."""
