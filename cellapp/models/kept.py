"""Models that a process keeps from one job to the next: read-only ones, each known by the sha256 of its files.

Only what runs inside `keeping_models` keeps any. At most an eighth of the machine's memory is held so; the model that
was not used for the longest time goes first, and one that would fill more alone is loaded anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cachetools import LRUCache

from cellapp.compute.machine import memory_bytes
from cellapp.config import app_settings
from cellapp.models.checksums import expected_digests, weight_digests, weight_files
from cellapp.models.load import brought_by, load_encoder_of, load_model
from cellapp.models.registry import ModelEntry, entry, is_declared, model_folder
from cellapp.models.status import require_ready
from cellapp.settings import IMPORTED

if TYPE_CHECKING:
    from cellapp.classification.ensemble import Head
    from cellapp.types.protocols import Encoder, Segmenter

_SHARE = 1 / 8  # of the machine's memory
_COPIES = 4  # bytes in memory per byte of the files: float16 becomes float32, which an encoder lays out once more
_keeping: ContextVar[bool] = ContextVar("keeping", default=False)

Digests = Mapping[str, str]


class _Kept(NamedTuple):
    model: Any
    digests: Digests
    n_bytes: int


@contextmanager
def keeping_models() -> Iterator[None]:
    """While the block runs, take models that an earlier block of this process has left, and leave those loaded."""
    token = _keeping.set(True)
    try:
        yield
    finally:
        _keeping.reset(token)


def load_shared_model(
    name: str, device: str = "auto", dtype: str = "auto", *, kind: str | None = None
) -> Segmenter | Encoder:
    """Return a segmenter or an encoder that nobody changes: one that is kept, if its files are the same, or load it.

    Parameters and errors are those of `cellapp.models.load.load_model`.
    """

    def load() -> Segmenter | Encoder:
        return load_model(name, device, dtype, kind)

    if not _keeping.get() or name == IMPORTED:
        return load()
    if is_declared(name):
        return _shared((name, device, dtype), _declared(entry(name, kind)), load)
    path = model_folder(name)
    if not path.exists() or brought_by(path):  # the files of the head count, too
        return load()
    return _shared((str(path), device, dtype), (weight_digests(name), _size(weight_files(path))), load)


def load_shared_encoder(head: Head, device: str = "auto", dtype: str = "auto") -> Encoder:
    """Return the encoder of a head as `load_shared_model` does; see `cellapp.models.load.load_encoder_of`."""
    own = head.own_encoder
    if not _keeping.get():
        return load_encoder_of(head, device, dtype)
    if own is None:
        encoder = load_shared_model(head.encoder_name, device, dtype)
        head.check_encoder(encoder)
        return encoder
    own.check()
    files = dict(own.files), _size([own.folder / file for file in own.files])
    return _shared((str(own.folder), head.encoder, device, dtype), files, lambda: load_encoder_of(head, device, dtype))


def _declared(model: ModelEntry) -> tuple[Digests, int]:
    """Check the files of a declared model, of both where it is a pair, and return their digests and size."""
    models = [model, *([entry(model.second)] if model.second else ())]
    digests: dict[str, str] = {}
    for one in models:
        require_ready(one)
        digests |= {f"{one.name}/{file}": digest for file, digest in expected_digests(one).items()}
    return digests, _size([one.folder / file for one in models for file in one.files])


def _shared(asked: tuple[str, ...], files: tuple[Digests, int], load: Callable[[], Any]) -> Any:
    """Return what is kept under a name, device and number format, or load it and keep it if there is room."""
    models, (digests, n_bytes) = _models(), files
    key = (*asked, app_settings().device, app_settings().dtype)
    known = models.get(key)
    if known is not None and known.digests == digests:
        return known.model
    models.pop(key, None)
    model = load()
    if n_bytes <= models.maxsize:
        models[key] = _Kept(model, digests, n_bytes)
    return model


@cache
def _models() -> LRUCache[tuple[str, ...], _Kept]:
    return LRUCache(maxsize=int(_SHARE * memory_bytes()), getsizeof=lambda kept: kept.n_bytes)


def _size(files: list[Path]) -> int:
    return _COPIES * sum(file.stat().st_size for file in files)
