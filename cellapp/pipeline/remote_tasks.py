"""What an engine's processes do: whole images, or parts of a large one. Models and slides stay open between tasks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cellapp.models.bundle import Kit, load_kit
from cellapp.pipeline.context import Bench, Step, lay_out
from cellapp.pipeline.run_image import ImageResult, RunItem, run_image
from cellapp.settings import AnalyseSettings


@dataclass(frozen=True)
class ImageElsewhere:
    """Analyses one image."""

    settings: AnalyseSettings
    out: Path
    resume: bool

    def __call__(self, item: RunItem) -> tuple[ImageResult, None]:
        """Do it; the analysis itself stays where it was made."""
        result, _ = run_image(
            item,
            self.settings,
            self.out,
            resume=self.resume,
            models=lambda: _kit(self.settings.model_dump_json()),
            tell=lambda step, fraction: None,
        )
        return result, None


@dataclass(frozen=True)
class PartElsewhere:
    """Does a step with one part of an image."""

    step: Step
    item: RunItem
    settings: AnalyseSettings
    digests: tuple[str, ...]  # of the image's files, by which a process knows that it has them open

    def __call__(self, part: Any) -> Any:
        """Do it."""
        return self.step(_benches.bench(self), part)


class _Benches:
    """The image that this process has before it: parts of one image follow each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a Dask worker may have several threads
        self._key: tuple[str, ...] | None = None
        self._bench: Bench | None = None

    def bench(self, task: PartElsewhere) -> Bench:
        settings = task.settings.model_dump_json()
        with self._lock:
            if self._bench is None or self._key != (settings, *task.digests):
                item = task.item
                target = item.open_target() if item.open_target else None
                self._bench = lay_out(item.open(), target, _kit(settings), task.settings)
                self._key = (settings, *task.digests)
            return self._bench


_benches = _Benches()


@lru_cache(1)
def _kit(settings: str) -> Kit:
    return load_kit(AnalyseSettings.model_validate_json(settings))
