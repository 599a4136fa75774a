"""What was found on the plates of a run, kept while its cells, its layout and the choices stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellapp.pipeline.screen_of_run import ScreenRequest, screen_run
from cellapp.population.screen import Screen
from cellapp.ui.components.charts import Drawn
from cellapp.ui.session.results import Results


@dataclass(frozen=True, eq=False)
class Found:
    """A screen, the same as JSON has it, and its files."""

    results: Results
    request: ScreenRequest
    screen: Screen
    tree: dict[str, Any]
    folder: Path
    layout: str  # its content

    def figure(self, what: str, *decided_by: str, make: Any) -> Drawn:
        """Return a figure that is made once."""
        return self.results.kept(f"screen {what}", self.request, self.layout, *decided_by, make=make)


def read_found(results: Results, layout: Path, request: ScreenRequest) -> Found:
    """Compare the treatments of a run. Raises InputError where they cannot be."""
    content = layout.read_text(encoding="utf-8", errors="replace")
    screen, tree, folder = results.kept(
        "screen", request, content, make=lambda: screen_run(results.folder, layout, request)
    )
    return Found(results, request, screen, tree, folder, content)
