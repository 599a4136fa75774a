"""What was found on the plates of a run, kept while its cells, its layout and the choices stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from cellapp.exports.screen import screen_file
from cellapp.pipeline.screen_of_run import ScreenRequest, screen_run
from cellapp.population.screen import Screen
from cellapp.ui.components.charts import Drawn
from cellapp.ui.session.results import Results

_FILES = {
    "wells.csv": "Wells (CSV)",
    "effects.csv": "Effects (CSV)",
    "dose_response.csv": "Dose response (CSV)",
    "screen.html": "Plates and curves (HTML)",
}


@dataclass(frozen=True, eq=False)
class Found:
    """A screen, and the same as JSON has it."""

    results: Results
    request: ScreenRequest
    screen: Screen
    tree: dict[str, Any]
    layout: str  # its content

    def figure(self, what: str, *decided_by: str, make: Any) -> Drawn:
        """Return a figure that is made once."""
        return self.results.kept(f"screen {what}", self.request, self.layout, *decided_by, make=make)


def read_found(results: Results, layout: Path, request: ScreenRequest) -> Found:
    """Compare the treatments of a run. Raises InputError where they cannot be."""
    content = layout.read_text(encoding="utf-8", errors="replace")
    screen, tree = results.kept("screen", request, content, make=lambda: screen_run(results.folder, layout, request))
    return Found(results, request, screen, tree, content)


def downloads(found: Found) -> None:
    """Draw the buttons of the files, each made when it is wanted."""
    with st.container(horizontal=True, gap="small"):
        for name, said in _FILES.items():
            st.download_button(
                said,
                data=partial(screen_file, found.screen, found.tree, name),
                file_name=f"{found.results.run.name}_{name}",
                mime="text/html" if name.endswith("html") else "text/csv",
                icon=":material/download:",
                key=f"screen_file_{name}",
                on_click="ignore",
                type="tertiary",
            )
