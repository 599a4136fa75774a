"""What is explained and how it is drawn: method, layer, whether such maps are true, a second way, opacity, outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from cellapp.classification.cell_columns import positive_class
from cellapp.classification.ensemble import Head
from cellapp.explanation.methods import LAYER_TITLES, METHOD_TITLES, METHODS, method_note, method_text
from cellapp.exports.explanation_truth import most_faithful
from cellapp.models.registry import registry
from cellapp.models.status import status
from cellapp.pipeline.explain_method import truth_of, with_explain_method
from cellapp.rendering.composition import Composition
from cellapp.rendering.signed_maps import OPACITY, MapStyle
from cellapp.settings import LAYERED, ExplainSettings
from cellapp.store.heads import list_heads
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.messages import signed
from cellapp.ui.components.model_badges import cached_head, head_of
from cellapp.ui.session import cache

_BOX_PX = 230


@dataclass(frozen=True)
class SecondWay:
    """Another method, or another head, whose maps are shown beside those of the first."""

    how: ExplainSettings
    head: str | None = None  # name or identity; None is the run's own

    @property
    def title(self) -> str:
        """For people."""
        method = method_text(self.how.named, self.how.layer)
        return method if self.head is None else f"{method}, head {Path(self.head).name}"


@dataclass(frozen=True)
class Asked:
    """What a visitor wants explained, and how it is drawn."""

    target: str  # class explained
    how: ExplainSettings
    second: SecondWay | None  # shown beside it
    style: MapStyle
    shown: Composition  # of the image, with the channels hidden on this page


def toolbar(run: RunRecord, image: ImageRecord, classes: Sequence[str], head: Head | None) -> Asked:
    """Draw what can be chosen in one row and return it.

    Parameters
    ----------
    run : RunRecord
    image : ImageRecord
    classes : sequence of str
        Of the head.
    head : LinearHead, EnsembleHead or None
        None where it is not here: then the maps of the run are all there is.
    """
    default = run.settings.explain.target or positive_class(classes)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        target = str(
            st.segmented_control(
                "Speaks for or against", classes, default=default, required=True, key="explain_target", width="content"
            )
        )
        how = with_explain_method(run.settings, head).explain
        how = _pick_method(how, most_faithful(truth_of(run.settings.classify.head, head))) if head is not None else how
        second = _pick_second_way(run, how, target) if head is not None else None
        style, shown = _pick_style(image, composition(image, cache.overview(image)))
    for method in dict.fromkeys([how.named, *([second.how.named] if second else [])]):
        if note := method_note(method):
            st.caption(note)
    return Asked(target, how, second, style, shown)


def _pick_method(asked: ExplainSettings, best: str | None) -> ExplainSettings:
    """Draw the choice of method, at first the run's, and, where it reads one, of layer; the most faithful is told."""
    names = [name for name in METHODS if name != "hirescam"]  # the same maps as "exact", later
    method = st.selectbox(
        "Method",
        names,
        index=names.index("exact" if asked.method == "hirescam" else asked.method),
        format_func=lambda name: METHOD_TITLES[name] + (" (most faithful)" if name == best else ""),
        key="explain_method",
        help="At first what the run names, else what `python -m cellapp score explanation` found most faithful.",
        width=_BOX_PX,
    )
    layer = None
    if method in LAYERED:
        layers = list(LAYER_TITLES)
        at = layers.index(asked.layer) if method == asked.method and asked.layer in layers else 0
        layer = st.selectbox(
            "Layer", layers, index=at, format_func=LAYER_TITLES.get, key="explain_layer", width=_BOX_PX
        )
    return asked.model_copy(update={"method": method, "layer": layer})


UNMEASURED = (
    "Whether maps of this kind are true of this head has not been measured; the command "
    "`python -m cellapp score explanation` does it."
)


def truth_badge(run: RunRecord, head: Head | None, how: ExplainSettings) -> None:
    """Draw whether maps of this method were found true of the run's head, with the figures; nothing if not measured."""
    if head is None:
        return
    figures = truth_of(run.settings.classify.head, head) if how.layer is None else {}
    row = figures.get("exact" if how.method == "hirescam" else how.named)
    if row is None:
        st.caption(UNMEASURED)
        return
    gains = (f"{name} {signed(row[name]['gain']['value'], 2)}" for name in ("deletion", "insertion", "road"))
    text = f"Against random maps, in logit units: {', '.join(gains)}. "
    text += f"The map holds {row['held'] * 100:.0f} % of the logit."
    if row["true"]:
        most = " and most faithful to it" if most_faithful(figures) == how.named else ""
        st.badge(f"True of this head{most}", icon=":material/verified:", color="green", help=text)
    else:
        st.warning(f"{METHOD_TITLES[how.named]} fails on this head: {'; '.join(row['warnings'])}. {text}")


def _pick_second_way(run: RunRecord, how: ExplainSettings, target: str) -> SecondWay | None:
    """Draw the choice of what is shown beside the maps, and return it; None where nothing is."""
    methods = [name for name in METHODS if name not in ("hirescam", how.method)]
    ways = [SecondWay(how.model_copy(update={"method": name, "layer": None})) for name in methods]
    ways += [SecondWay(how, name) for name in _other_heads(run)]
    chosen = st.selectbox(
        "Beside it",
        [None, *range(len(ways))],
        format_func=lambda i: "Nothing" if i is None else ways[i].title,
        key="explain_beside",
        width=_BOX_PX,
    )
    way = None if chosen is None else ways[chosen]
    if way is None or way.head is None:
        return way
    head = cached_head(way.head)
    why = _cannot(head, run, target)
    if why:
        st.caption(f"Head {Path(way.head).name} {why}.")
        return None
    return way


def _cannot(head: Head | None, run: RunRecord, target: str) -> str:
    if head is None:
        return "cannot be loaded"
    if head.only_on_slides:
        return "reads cells where they lie on their slide and makes no maps"
    own = head_of(run)
    if own is not None and own.preprocess.align != head.preprocess.align:
        return "turns cells another way than the head of this run"
    return "" if target in head.classes else f"knows no class {target}: it tells {', '.join(head.classes)} apart"


def _other_heads(run: RunRecord) -> list[str]:
    """Return the heads of the project and those that ship and are here, without the run's."""
    present = [name for name, entry in registry().items() if entry.kind == "head" and status(name).present]
    heads = [*(head.identity for head in list_heads(run.project_id)), *present]
    return [name for name in heads if name != run.settings.classify.head]


def _pick_style(image: ImageRecord, shown: Composition) -> tuple[MapStyle, Composition]:
    """Draw the controls of how maps and cells are shown, and return what they say.

    Parameters
    ----------
    image : ImageRecord
    shown : Composition
        How the image is shown elsewhere; channels can be hidden here alone.
    """
    with st.popover("Display", icon=":material/tune:", key="explain_display"):
        opacity = st.slider("Map over the cell, %", 0, 100, round(100 * OPACITY), 5, key="explain_opacity")
        smooth = st.toggle("Smoothed", key="explain_smooth", help="Off shows the squares that were computed.")
        outlines = st.toggle("Outlines of cell and nucleus", True, key="explain_outlines")
        channels = st.pills(
            "Channels",
            range(len(image.channels)),
            selection_mode="multi",
            default=[i for i in range(len(image.channels)) if i not in shown.hidden],
            format_func=lambda i: image.channels[i],
            key=f"explain_channels_{image.id}",
        )
    hidden = tuple(i for i in range(len(image.channels)) if i not in channels)
    return MapStyle(opacity / 100, smooth, outlines), replace(shown, hidden=hidden)
