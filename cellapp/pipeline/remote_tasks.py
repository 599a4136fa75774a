"""What an engine's processes do: whole images, or parts of a large one. Models and slides stay open between tasks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cellapp.images.known_digests import FileDigest, believe
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.models.checksums import expected_digests, weight_files
from cellapp.models.registry import entry, is_declared, model_folder
from cellapp.pipeline.context import ImageContext, Task, make_context
from cellapp.pipeline.in_hand import N_IN_HAND
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.run_image import ImageResult, run_image
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings


@dataclass(frozen=True)
class ImageTask:
    """Analyses one image and writes its folder."""

    settings: AnalyseSettings
    out: Path
    resume: bool

    def __call__(self, item: RunItem) -> tuple[ImageResult, None]:
        """Return the result alone: the analysis is too large to send."""
        result, _ = run_image(
            item,
            self.settings,
            self.out,
            resume=self.resume,
            load_models=lambda: _run_models(self.settings),
            on_step=no_progress,
        )
        return result, None


@dataclass(frozen=True)
class TileTask:
    """Does a `Task` with one part of an image: a tile, or a batch of cells."""

    task: Task
    item: RunItem
    settings: AnalyseSettings
    digests: tuple[str, ...]  # of the image's files, by which a process recognises the image it has open
    read: tuple[FileDigest, ...] = ()  # the files that were read for that, so that they are not read again

    def __call__(self, part: Any) -> Any:
        """Open the image, unless it is open from an earlier part, and do the task."""
        return self.task(_open_images.context(self), part)


class _OpenImages:
    """The contexts of the images this process works on: parts of as many as are in hand come in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a Dask worker may have several threads
        self._contexts: dict[tuple[str, ...], ImageContext] = {}  # that of the last part last

    def context(self, task: TileTask) -> ImageContext:
        key = (task.settings.model_dump_json(), *task.digests)
        with self._lock:
            models = _run_models(task.settings)
            context = self._contexts.pop(key, None)
            if context is None or context.models is not models:
                while len(self._contexts) >= N_IN_HAND:
                    del self._contexts[next(iter(self._contexts))]
                item = task.item
                believe(task.read)
                target = item.open_target() if item.open_target else None
                context = make_context(item.open(), target, models, task.settings)
            self._contexts[key] = context
            return context


_open_images = _OpenImages()


def _run_models(settings: AnalyseSettings) -> RunModels:
    """Return the models of a run: those of the task before, unless the settings or the files they name are others."""
    named = (settings.segment.segmenter, settings.classify.head, settings.classify.encoder)
    return _loaded(settings.model_dump_json(), tuple(state for name in named if name for state in _state(name)))


@lru_cache(1)
def _loaded(settings: str, state: tuple[tuple[str | int, ...], ...]) -> RunModels:
    return load_run_models(AnalyseSettings.model_validate_json(settings))


def _state(name: str) -> tuple[tuple[str | int, ...], ...]:
    """Return what changes with the files of a model; those under a path are not read: it is asked for every part."""
    if is_declared(name):
        return tuple(expected_digests(entry(name)).items())
    states = ((file, file.stat()) for file in weight_files(model_folder(name)))
    return tuple((str(file), state.st_size, state.st_mtime_ns) for file, state in states)
