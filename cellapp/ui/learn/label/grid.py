"""The cells on the desk: which are shown, their pictures, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.rendering.annotations import class_letters
from cellapp.rendering.colours import class_colour
from cellapp.ui.components.gallery import page_of
from cellapp.ui.components.label_desk import DeskClass, DeskImage, DeskReport, DeskTile, desk_state, show_desk
from cellapp.ui.components.viewer_layers import thumbnail_address
from cellapp.ui.learn.label.order import Choice, Ranking
from cellapp.ui.learn.label.pictures import ZOOM, Picture, pictures
from cellapp.ui.learn.label.state import LabelState

TILES = 48
TO_LABEL, LABELLED, DISPUTED, DOUBTED = "Without a label", "With a label", "Disputed", "Doubted by the probe"
EVERY_IMAGE, THIS_IMAGE = "All images", "This image"
_SOURCES = {"hand": "by hand", "column": "from a column", "table": "from a table", "cluster": "from a cluster"}


@dataclass(frozen=True)
class Shown:
    """Which cells are wanted on the desk."""

    what: str  # `TO_LABEL`, `LABELLED`, `DISPUTED`, `DOUBTED` or a class
    image_id: str | None  # of this image only
    one_scale: bool

    @property
    def queue(self) -> bool:
        """Whether cells go by as they are labelled."""
        return self.what == TO_LABEL


def choose_shown(state: LabelState) -> Shown:
    """Draw the choice of cells."""
    choices = [TO_LABEL, LABELLED, *state.classes.names, DISPUTED, DOUBTED]
    if st.session_state.get("label_show") not in choices:
        st.session_state["label_show"] = TO_LABEL
    what = str(st.selectbox("Show", choices, key="label_show", width=165))
    image = state.page.image
    only = False
    if len(state.images) > 1 and image is not None and image.id in state.images:
        only = st.selectbox("Cells of", [EVERY_IMAGE, THIS_IMAGE], key="label_scope", width=125) == THIS_IMAGE
    one_scale = st.toggle("One scale", key="label_scale", help="Every cell at the same scale, so that sizes compare.")
    return Shown(what, image.id if only and image else None, one_scale)


def rows_shown(state: LabelState, shown: Shown, ranking: Ranking, skipped: frozenset[str]) -> np.ndarray:
    """Return the rows of the cells that are wanted, in order; skipped ones come last.

    Parameters
    ----------
    state : LabelState
    shown : Shown
    ranking : Ranking
    skipped : frozenset of str
        Keys of cells.
    """
    of_row, rows = state.labelling.of_row, ranking.rows
    if shown.image_id:
        rows = rows[state.rows.images[rows] == shown.image_id]
    if shown.queue:
        rows = rows[of_row[rows] == ""]
        last = (
            np.array([state.rows.keys[row] in skipped for row in rows], bool) if skipped else np.zeros(len(rows), bool)
        )
        return np.concatenate([rows[~last], rows[last]])
    rows = np.sort(rows[of_row[rows] != ""])
    if shown.what == DISPUTED:
        table = state.labelling.labels.table
        disputed = {f"{one.image_id}/{one.cell_id}" for one in table[table["disputed"]].itertuples()}
        return rows[np.array([state.rows.keys[row] in disputed for row in rows], bool)]
    if shown.what == DOUBTED:
        return _doubted(rows, of_row, ranking)
    return rows if shown.what == LABELLED else rows[of_row[rows] == shown.what]


def show_grid(state: LabelState, shown: Shown, choice: Choice, ranking: Ranking) -> DeskReport:
    """Draw the desk with a page of cells; their pictures alone are drawn."""
    skipped = frozenset(st.session_state.get(_skipped_key(state), ()))
    rows = rows_shown(state, shown, ranking, skipped)
    page = slice(0, TILES) if shown.queue else page_of(len(rows), size=TILES, key=f"label_page_{state.run.id}")
    return show_desk(
        _tiles(state, rows[page], ranking, shown),
        _classes(state),
        _images(state),
        run_id=state.run.id,
        version=state.version,
        counts=state.labelling.counts,
        image_counts=state.labelling.image_counts,
        queue=shown.queue,
        shown=str((shown, choice, page.start if not shown.queue else 0)),
        n_left=len(rows) if shown.queue else 0,
        none=_none(state, shown),
        can_like=state.vectors is not None,
        who=state.who,
        on_follow=lambda: _remember_skipped(state),
    )


def _doubted(rows: np.ndarray, of_row: np.ndarray, ranking: Ranking) -> np.ndarray:
    """Return labelled rows that the probe calls another class, the surest first."""
    probe = ranking.probe
    if probe is None or len(probe.probabilities) != len(of_row):
        return rows[:0]
    at = {name: k for k, name in enumerate(probe.classes)}
    rows = rows[np.array([name in at for name in of_row[rows]], bool)]
    p = probe.probabilities[rows, [at[name] for name in of_row[rows]]] if len(rows) else np.zeros(0)
    other = p < probe.probabilities[rows].max(axis=1, initial=0.0)
    return rows[other][np.argsort(p[other], kind="stable")]


def _none(state: LabelState, shown: Shown) -> str:
    if not len(state.rows.keys):
        return "No cell passed the quality rules; Segment shows them by reason."
    return "Every cell here has a label." if shown.queue else "No cell here."


def _classes(state: LabelState) -> list[DeskClass]:
    names = state.classes.names
    letters = class_letters(names)
    return [
        DeskClass(name, letters[name], class_colour(name, names), name == state.classes.positive and len(names) > 1)
        for name in names
    ]


def _images(state: LabelState) -> dict[str, DeskImage]:
    n_of = pd.Series(state.rows.images, dtype=object).value_counts().to_dict()
    return {
        image_id: DeskImage(image.name, int(n_of.get(image_id, 0)), thumbnail_address(image), *image.info.shape[1:])
        for image_id, image in state.images.items()
    }


def _tiles(state: LabelState, rows: np.ndarray, ranking: Ranking, shown: Shown) -> list[DeskTile]:
    cells = state.rows.table.iloc[rows]
    drawn: dict[str, Picture] = {}
    for image_id, part in cells.groupby("image_id", sort=False):
        folder = state.results.folder / str(part["stem"].iloc[0])
        scale_of = state.rows.table if shown.one_scale else None
        of_image = pictures(folder, state.images[str(image_id)], part, scale_of=scale_of)
        drawn |= {f"{image_id}/{cell_id}": picture for cell_id, picture in of_image.items()}
    words = _words(state, [state.rows.keys[row] for row in rows])
    return [_tile(state, int(row), drawn, words, ranking) for row in rows]


def _tile(state: LabelState, row: int, drawn: dict[str, Picture], words: pd.DataFrame, ranking: Ranking) -> DeskTile:
    key, cell = state.rows.keys[row], state.rows.table.iloc[row]
    mine = words[words["key"] == key]
    last = mine.sort_values(["created", "label_id"], kind="stable").iloc[-1] if len(mine) else None
    return DeskTile(
        key=key,
        image=str(cell["image_id"]),
        cell=int(cell["cell_id"]),
        uri=drawn[key].uri,
        zoom=ZOOM,
        bar=drawn[key].bar,
        y=float(cell["centroid_y_px"]),
        x=float(cell["centroid_x_px"]),
        label=str(state.labelling.of_row[row]),
        source=str(last["source"]) if last is not None else "",
        who=str(last["who"]) if last is not None else "",
        disputed=mine["class_name"].nunique() > 1,
        words=tuple(_lines(mine, ranking, row)),
    )


def _words(state: LabelState, keys: Sequence[str]) -> pd.DataFrame:
    """Return what each person said of some cells, with `key`."""
    wanted = [tuple(key.rsplit("/", 1)) for key in keys]
    asked = pd.DataFrame(
        {"image_id": [image for image, _ in wanted], "cell_id": [int(cell) for _, cell in wanted], "key": list(keys)}
    )
    return state.labelling.labels.words.merge(asked.astype({"cell_id": "int64"}), on=["image_id", "cell_id"])


def _lines(mine: pd.DataFrame, ranking: Ranking, row: int) -> list[str]:
    lines = [
        f"{word.class_name}, {_SOURCES.get(str(word.source), word.source)}{_by(word)}" for word in mine.itertuples()
    ]
    probe = ranking.probe
    if probe is not None and row < len(probe.probabilities):
        k = int(np.argmax(probe.probabilities[row]))
        lines.append(f"Probe: {probe.classes[k]} {probe.probabilities[row, k]:.2f}, uncalibrated")
    return lines


def _by(word: object) -> str:
    return f", {word.who}" if word.who and str(word.source) != "column" else ""


def _skipped_key(state: LabelState) -> str:
    return f"label_skipped_{state.run.id}"


def _remember_skipped(state: LabelState) -> None:
    said = desk_state(state.run.id, "follow") or {}
    st.session_state[_skipped_key(state)] = [key for key in said.get("skipped", ()) if key in state.rows.row_of]
