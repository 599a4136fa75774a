"""From a name to a model: find the files, check them, build a read-only model.

Nothing is kept; callers decide how long a model lives. A name is one of ``models/registry.toml`` or a path: an encoder
folder in Hugging Face format, a head folder, or a Cellpose file. Loading never downloads; `fetch` does, and `load` says
so when a model is not here.
"""

from __future__ import annotations

from pathlib import Path

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import DESCRIPTION, TENSORS, load_head
from cellapp.compute.devices import probe_device, probe_dtype
from cellapp.config import app_settings
from cellapp.encoders.hf_folder import CONFIG, WEIGHTS, local_revision
from cellapp.errors import ModelError
from cellapp.models.checksums import check_files, expected_digests, find_changed, is_here, sha256
from cellapp.models.lockfile import LockedModel, read_lock, record
from cellapp.models.registry import ModelEntry, entry, registry
from cellapp.models.status import READY, ModelStatus, card, describe_state, status
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder, Segmenter

__all__ = [
    "ModelEntry",
    "ModelStatus",
    "card",
    "entry",
    "fetch",
    "load",
    "own_heads",
    "registry",
    "status",
    "weights_digests",
]


def fetch(name: str, on_progress: OnStep | None = None) -> Path:
    """Make sure the files of a declared model are here and right, downloading what is not.

    Parameters
    ----------
    name : str
    on_progress : callable, optional
        Told file and share of the bytes; may raise `Cancelled`, then the part stays and the next call goes on from it.

    Returns
    -------
    Path
        Folder of the files.

    Raises
    ------
    ModelError
        When the model cannot be had; the message says why and what to do.
    """
    model = entry(name)
    if model.source == "hub" and (not is_here(model) or find_changed(model)):
        if app_settings().offline:
            raise ModelError(
                f"{name} is not in {model.folder} and CELLAPP_OFFLINE forbids downloads; unset it and run: "
                f"python -m cellapp models fetch {name}"
            )
        _download(model, on_progress or (lambda step, fraction: None))
    _require(model)
    return model.folder


def _download(model: ModelEntry, on_progress: OnStep) -> None:
    from huggingface_hub.utils import WeakFileLock

    from cellapp.models.download import HubFile, fetch_file

    model.folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(model.folder / ".lock"):
        commit, digests, done = model.revision or "main", {}, 0
        pinned = expected_digests(model)

        for file in model.files:

            def tell(n_bytes: int, file: str = file, before: int = done) -> None:
                on_progress(f"Downloading {file} of {model.name}", min(1.0, (before + n_bytes) / max(model.bytes, 1)))

            target = model.folder / file
            fetched = fetch_file(HubFile(model.repo, file, commit), target, expected=pinned[file], on_bytes=tell)
            commit, digests[file] = fetched.commit, fetched.sha256
            done += target.stat().st_size
        record(model.name, LockedModel(commit, digests))


def _require(model: ModelEntry) -> None:
    """Raise ModelError unless every file is here and right."""
    state, words = describe_state(model)
    if state not in READY:
        raise ModelError(f"{model.name}: {words}")
    check_files(model)


def load(name: str, device: str = "auto", dtype: str = "auto") -> Segmenter | Encoder | LinearHead:
    """Build a model, read-only: evaluation mode, no gradients for its weights.

    Parameters
    ----------
    name : str
        A name of the registry, or the path of an encoder folder, a head folder or a Cellpose file.
    device, dtype : str
        See `cellapp.compute.devices`; "auto" takes the settings, and those measure the machine.

    Raises
    ------
    ModelError
        When the model is not here, damaged, gated or cannot run here.
    """
    if name not in registry() and Path(name).exists():
        return _load_path(Path(name), device, dtype)
    model = entry(name)
    _require(model)
    if model.adapter == "classical":
        return Classical()
    if model.adapter == "head":
        return load_head(model.folder)
    if model.adapter == "compact":
        return _compact(model.folder, name, device, dtype)
    if model.adapter == "cellpose":
        return _cellpose(model.folder / next(iter(model.files)), device, dtype)
    revision = model.revision or _revision_on_disk(model)
    return _encoder(model.folder, name, revision, device, dtype if dtype != "auto" else model.dtype, model.input_px)


def _revision_on_disk(model: ModelEntry) -> str:
    return read_lock()[model.name].revision if model.source == "hub" else local_revision(model.folder)


def _load_path(path: Path, device: str, dtype: str) -> Segmenter | Encoder | LinearHead:
    if path.is_file():
        return _cellpose(path, device, dtype)
    if (path / DESCRIPTION).exists() or (path / TENSORS).exists():
        return load_head(path)
    if (path / _NETWORK).exists():
        return _compact(path, path.name, device, dtype)
    if (path / CONFIG).exists():
        revision = local_revision(path) if (path / WEIGHTS).is_file() else ""
        return _encoder(path, str(path), revision, device, dtype, None)
    raise ModelError(f"{path} holds neither {CONFIG} (an encoder or segmenter) nor {DESCRIPTION} (a head)")


def _encoder(folder: Path, name: str, revision: str, device: str, dtype: str, input_px: int | None) -> Encoder:
    from cellapp.encoders.dino import HubEncoder

    device, dtype = _place(device, dtype)
    return HubEncoder(folder, name=name, revision=revision, input_px=input_px, device=device, dtype=dtype)


def _cellpose(weights: Path, device: str, dtype: str) -> Segmenter:
    from cellapp.segmentation.cellpose import CellposeSegmenter

    device, dtype = _place(device, dtype)
    return CellposeSegmenter(weights, device=device, dtype=dtype)


def _compact(folder: Path, name: str, device: str, dtype: str) -> Segmenter:
    from cellapp.segmentation.compact import CompactSegmenter

    device, dtype = _place(device, dtype)
    return CompactSegmenter(folder, name=name, device=device, dtype=dtype)


def _place(device: str, dtype: str) -> tuple[str, str]:
    """Settle device and number format: the caller's word, else the settings', else what was measured."""
    chosen = probe_device(device if device != "auto" else app_settings().device)
    return chosen, probe_dtype(chosen, dtype if dtype != "auto" else app_settings().dtype)


def weights_digests(settings: AnalyseSettings) -> dict[str, str]:
    """Return "model/file" -> sha256 of everything a run with these settings loads."""
    names = [settings.segment.segmenter]
    if settings.classify.head is not None:
        head = load_head(folder_of(settings.classify.head))
        names += [settings.classify.head, settings.classify.encoder or head.encoder.split("@")[0]]
    return {f"{name}/{file}": digest for name in names for file, digest in _digests(name).items()}


def own_heads() -> list[str]:
    """Return the folders of the heads people trained and put below ``CELLAPP_HOME/heads``, sorted by name."""
    return sorted(str(path.parent) for path in (app_settings().home / "heads").glob(f"*/{DESCRIPTION}"))


def folder_of(name: str) -> Path:
    """Return where the files of a model are: of a declared name, or the path itself."""
    return entry(name).folder if name in registry() else Path(name)


def _digests(name: str) -> dict[str, str]:
    if name in registry():
        return expected_digests(entry(name))
    path = Path(name)
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in _WEIGHT_SUFFIXES)
    return {file.name: sha256(file) for file in files}


_WEIGHT_SUFFIXES = (".safetensors", ".json")
_NETWORK = "weights.safetensors"  # of cellapp.segmentation.flow_unet_io, which imports torch
