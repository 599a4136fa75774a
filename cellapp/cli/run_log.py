"""The log of a command: a file that gets a line for each image, with the time, what came out or why nothing did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellapp import __version__
from cellapp.errors import CellappError

if TYPE_CHECKING:
    from cellapp.pipeline.run_inputs import RunItem
    from cellapp.types.image import OnStep

_PROGRAM = logging.getLogger("cellapp")
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class RunLog:
    """Writes the lines; into nothing where no file was named."""

    def __init__(self, logger: logging.Logger | None) -> None:
        self._logger = logger

    def begin(self, command: str, n_images: int, segmenter: str) -> None:
        """Say what is about to be done."""
        self._say(logging.INFO, f"cellapp {__version__} {command}, {n_images} images, segmenter {segmenter}")

    def failed(self, sentence: str) -> None:
        """Say why nothing came out."""
        self._say(logging.ERROR, sentence)

    def each(self, work: Callable[[RunItem, OnStep], Any]) -> Callable[[RunItem, OnStep], Any]:
        """Return `work`, whose result is a row and what was counted, with a line for each image it is done for."""

        def logged(item: RunItem, on_step: OnStep) -> Any:
            started = time.monotonic()
            try:
                row, counted = work(item, on_step)
            except (CellappError, OSError) as error:
                self.failed(f"{item.stem}: {error}")
                raise
            seconds = time.monotonic() - started
            self._say(logging.INFO, f"{item.stem}: {row['n_cells']:,} cells in {seconds:.1f} s, {row['labels']}")
            if row.get("note"):
                self._say(logging.WARNING, f"{item.stem}: {row['note']}")
            return row, counted

        return logged

    def _say(self, level: int, sentence: str) -> None:
        if self._logger is not None:
            self._logger.log(level, " ".join(sentence.split()))


@contextmanager
def run_log(path: Path | None) -> Iterator[RunLog]:
    """Give a log that is added to a file, with what the program itself logs meanwhile; none without a file.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    if path is None:
        yield RunLog(None)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler, level = logging.FileHandler(path, encoding="utf-8"), _PROGRAM.level
    handler.setFormatter(logging.Formatter(_FORMAT))
    _PROGRAM.addHandler(handler)
    _PROGRAM.setLevel(logging.INFO)
    log = RunLog(_PROGRAM)
    try:
        yield log
    except CellappError as error:
        log.failed(str(error))
        raise
    finally:
        _PROGRAM.setLevel(level)
        _PROGRAM.removeHandler(handler)
        handler.close()
