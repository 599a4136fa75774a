"""The form of a run's settings; every default and bound comes from `cellapp.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from cellapp.models.registry import is_demonstration, network_output, registry
from cellapp.models.status import own_heads, status
from cellapp.settings import (
    PREPROCESS_STEPS,
    THRESHOLDS,
    AnalyseSettings,
    ClassifySettings,
    ExplainSettings,
    PreprocessSettings,
    QualitySettings,
    SegmentSettings,
)
from cellapp.settings_io import validated
from cellapp.store.heads import list_heads
from cellapp.store.records import ImageRecord
from cellapp.store.segmenters import list_segmenters
from cellapp.ui.components.forms import control, label
from cellapp.ui.components.model_badges import cached_head

_SLIDER_ENDS = {"flow_threshold": 3.0, "min_size_px": 2000}
_COUNT_ONLY = "Count only, no classes"


def settings_panel(image: ImageRecord) -> AnalyseSettings:
    """Draw the panel of the Segment page and return the settings of a run.

    Raises
    ------
    InputError
        When two choices contradict each other.
    """
    values: dict[str, Any] = {"segment": _segment(image)}
    with st.expander("Preprocessing", icon=":material/tune:"):
        values["preprocess"] = _preprocess()
    with st.expander("Quality rules", icon=":material/rule:"):
        values["quality"] = _quality()
    with st.expander("Classes and explanations", icon=":material/donut_small:"):
        values |= _classify(image.project_id)
        values["describe"] = control(AnalyseSettings, "describe", key="analyse")
        values["draw_crops"] = control(AnalyseSettings, "draw_crops", key="analyse")
    return validated(AnalyseSettings, values, name=label)


def present_models(kind: str) -> list[str]:
    """Return the names of the models of a kind that are on this machine, in the registry's order."""
    return [name for name, entry in registry().items() if entry.kind == kind and status(name).present]


def _segment(image: ImageRecord) -> dict[str, Any]:
    default = SegmentSettings()
    kept = [one.identity for one in list_segmenters(image.project_id)]
    names = [*present_models("segmenter"), *kept]
    values: dict[str, Any] = {}
    values["segmenter"] = st.selectbox(
        "Segmenter",
        names,
        index=names.index(default.segmenter) if default.segmenter in names else 0,
        format_func=lambda name: name.rpartition("@")[0] if name in kept else name,
        key="segment_segmenter",
        persist_state="session",
        help="Further segmenters can be downloaded on the Models page.",
    )
    if values["segmenter"] == "classical":
        values["method"] = control(SegmentSettings, "method", key="segment")
    values |= _diameter(image)
    for name in THRESHOLDS:
        if name != "flow_threshold" or network_output(values["segmenter"]) == "flows":
            values[name] = control(SegmentSettings, name, key="segment", upto=_SLIDER_ENDS.get(name))
    values["second_look"] = control(SegmentSettings, "second_look", key="segment")
    return values


def _diameter(image: ImageRecord) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        automatic = st.toggle(
            "Automatic diameter",
            value=True,
            key="segment_auto",
            persist_state="session",
            help="Estimated from the image",
        )
        if automatic:
            return {}
        unit = _diameter_unit(image)
    typed = st.number_input(
        "Diameter",
        min_value=1.0,
        value=30.0,
        step=1.0,
        key="segment_diameter",
        persist_state="session",
        help="The yellow circle on the image has this size.",
    )
    return {"diameter": typed, "diameter_unit": unit}


def _diameter_unit(image: ImageRecord) -> str:
    units = ["px", "um"] if image.um_per_px else ["px"]
    unit = st.segmented_control(
        "Unit",
        units,
        default=units[0],
        required=True,
        format_func={"px": "px", "um": "µm"}.get,
        key="segment_unit",
        label_visibility="collapsed",
    )
    return str(unit)


def _preprocess() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for step, details in PREPROCESS_STEPS.items():
        values[step] = control(PreprocessSettings, step, key="preprocess")
        if values[step]:
            values |= {name: control(PreprocessSettings, name, key="preprocess") for name in details}
    return values


def _quality() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for rule in ("border", "debris", "blur", "published"):
        values[rule] = control(QualitySettings, rule, key="quality")
        details = [name for name in QualitySettings.model_fields if name.startswith(f"{rule}_")]
        if values[rule]:
            values |= {name: control(QualitySettings, name, key="quality") for name in details}
    return values


def _classify(project_id: str) -> dict[str, Any]:
    kept = [head.identity for head in list_heads(project_id)]
    heads, default = [*kept, *present_models("head"), *own_heads(), _COUNT_ONLY], ClassifySettings().head
    head = st.selectbox(
        "Head",
        heads,
        index=heads.index(default) if default in heads else len(heads) - 1,
        format_func=lambda head: Path(head).name,
        key="classify_head",
        persist_state="session",
        help="Says which class a cell is; its card is on the Models page.",
    )
    if head == _COUNT_ONLY:
        return {"classify": {"head": None}}
    if is_demonstration(head):
        st.badge("Trained on synthetic cells only", icon=":material/warning:", color="orange")
    loaded = cached_head(head)
    classify = _doubt(loaded is not None and loaded.conformal is not None)
    if loaded and loaded.only_on_slides:
        st.caption("This head is fast and makes no maps of cells.")
        return {"classify": {"head": head, **classify}}
    return {
        "classify": {"head": head, **classify},
        "explain": {"n": control(ExplainSettings, "n", key="explain", upto=50)},
    }


def _doubt(has_limits: bool) -> dict[str, Any]:
    """Draw the threshold and what makes a cell unsure; conformal sets where the head has limits for them."""
    names = ["threshold", "unsure"] if has_limits else ["threshold"]
    values = {name: control(ClassifySettings, name, key="classify") for name in names}
    last = "error_rate" if values.get("unsure") == "conformal" else "unsure_margin"
    return values | {last: control(ClassifySettings, last, key="classify")}
