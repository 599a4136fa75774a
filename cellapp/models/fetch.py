"""Bring the files of a declared model to this machine."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import InputError, ModelError
from cellapp.models.checksums import LockedModel, changed_files, expected_digests, files_present, write_lock
from cellapp.models.registry import ModelEntry, entry
from cellapp.models.status import require_ready
from cellapp.types.image import OnStep


def fetch_model(name: str, on_step: OnStep | None = None, *, sha256: str = "") -> Path:
    """Make sure the files of a declared model are here and right, downloading those that are not.

    Parameters
    ----------
    name : str
    on_step : callable, optional
        Progress: the file and the share of all bytes, 0 to 1. It may raise `Cancelled`; then the part that is here
        stays, and the next call goes on from it.
    sha256 : str
        That its only file must have, hexadecimal; the first download decides where neither this nor the registry does.

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
    if sha256:
        model = _held_to(model, sha256.lower())
    if model.downloaded and (not files_present(model) or changed_files(model)):
        if app_settings().offline:
            raise ModelError(
                f"{name} is not in {model.folder} and CELLAPP_OFFLINE forbids downloads; unset it and run: "
                f"python -m cellapp models fetch {name}"
            )
        _download(model, on_step or (lambda step, fraction: None))
    require_ready(model)
    return model.folder


def _held_to(model: ModelEntry, sha256: str) -> ModelEntry:
    if len(model.files) != 1 or not model.downloaded or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InputError(
            f"a sha256 is 64 hexadecimal digits and of a model that is one file to download; got {sha256[:12]!r} for "
            f"{model.name}, which has {len(model.files)}"
        )
    (file, pinned), *_ = model.files.items()
    if pinned not in ("", sha256):
        raise InputError(f"{model.name} is pinned to sha256 {pinned[:12]}, not {sha256[:12]}: leave --sha256 out")
    return replace(model, files={file: sha256})


def _download(model: ModelEntry, on_step: OnStep) -> None:
    """Fetch every file at the commit the first one resolves to, and record commit and digests in the lock file."""
    from huggingface_hub.utils import WeakFileLock  # says which file it waits for, as a long download makes it wait

    from cellapp.models.download import HubFile, WebFile, fetch_file

    model.folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(model.folder / ".lock"):
        commit, digests, n_bytes_before = model.revision or ("main" if model.repo else ""), {}, 0
        pinned = expected_digests(model)
        for file in model.files:

            def on_bytes(n_bytes: int, file: str = file, before: int = n_bytes_before) -> None:
                on_step(f"Downloading {file} of {model.name}", min(1.0, (before + n_bytes) / max(model.bytes, 1)))

            target = model.folder / file
            source = HubFile(model.repo, file, commit) if model.source == "hub" else WebFile(model.origin, file)
            fetched = fetch_file(source, target, expected=pinned[file], on_bytes=on_bytes)
            commit, digests[file] = fetched.commit, fetched.sha256
            n_bytes_before += target.stat().st_size
        write_lock(model.name, LockedModel(commit, digests))
