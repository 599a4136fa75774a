"""Widgets made from the settings themselves: defaults, bounds and help text exist once, in `cellapp.settings`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cellapp.ui.components.messages import capital

_LABELS = {
    "um_per_px": "Pixel size (µm per px)",
    "preprocess": "Preprocessing",
    "clip": "Clip outliers",
    "clip_low": "Lower percentile",
    "clip_high": "Upper percentile",
    "clahe": "Local contrast (CLAHE)",
    "clahe_clip": "CLAHE clip limit",
    "denoise": "Denoise (TV)",
    "denoise_weight": "Denoising weight",
    "align": "Turn crops to the fibres",
    "segment": "Segmentation",
    "cellprob_threshold": "Cell probability threshold",
    "min_size_px": "Minimum size (px)",
    "tile_px": "Largest tile: side (px)",
    "dynamics": "Masks from flows",
    "second_look": "Judge the outlines",
    "um": "µm",
    "px": "px",
    "crop": "Crops",
    "size_px": "Side (px)",
    "drop_channels": "Channels left out",
    "quality": "Quality rules",
    "border": "Touching the image border",
    "published": "Published rule (JC-Cell-Pipeline)",
    "published_small_px": "Small crop: side (px)",
    "published_large_px": "Large crop: side (px)",
    "published_perimeter_small": "Perimeter share, small crops",
    "published_perimeter_large": "Perimeter share, large crops",
    "debris": "Debris",
    "debris_area_ratio": "Debris: below this share of the median area",
    "blur": "Out of focus",
    "blur_ratio": "Blur: below this share of the median sharpness",
    "classify": "Classes",
    "explain": "Explanations",
    "n": "Cells explained per image",
    "target": "Class explained",
    "by_default": "Method left open",
    "describe": "Describe cytoskeleton and nucleus",
    "draw_crops": "Make crops in the run",
}
_LEFT_OPEN = {
    "um_per_px": "that of each image",
    "head": "count only, no classes",
    "encoder": "that of the head",
    "target": "the positive class",
    "layer": "the last",
    "channels": "by their names",
    "drop_channels": "none",
}


def label(name: str) -> str:
    """Return the label of a field, sentence case."""
    return _LABELS.get(name, capital(name.replace("_", " ")))


def value_text(model: type[BaseModel], name: str, value: Any) -> str:
    """Return the value of a field in words: that of a choice as its widget shows it, and what an open one means."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value in ((), {}):
        return _LEFT_OPEN.get(name, "automatic")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return label(str(value)) if _choices(_kind(model.model_fields[name])) else str(value)


def control(model: type[BaseModel], name: str, *, key: str, upto: float | None = None, disabled: bool = False) -> Any:
    """Draw the widget that suits a field and return its value.

    Parameters
    ----------
    model : type of BaseModel
        Settings class that owns the field.
    name : str
    key : str
        Prefix of the widget's key; the value stays while the session lives.
    upto : float, optional
        Upper end of the slider where the field's own bound is far beyond useful values.
    disabled : bool
        Shown, but cannot be changed.
    """
    field = model.model_fields[name]
    shared = {"key": f"{key}_{name}", "help": field.description, "disabled": disabled, "persist_state": "session"}
    kind = _kind(field)
    if kind is bool:
        return st.toggle(label(name), value=field.default, **shared)
    choices = _choices(kind)
    if choices:
        return st.selectbox(label(name), choices, index=choices.index(field.default), format_func=label, **shared)
    low, high = _bounds(field)
    high = upto if upto is not None else high
    if high is None:
        return st.number_input(label(name), min_value=low, value=field.default, **shared)
    number = int if kind is int else float
    step = 1 if number is int else _step(float(high) - float(low or 0))
    return st.slider(label(name), number(low or 0), number(high), number(field.default), step, **shared)


def _kind(field: FieldInfo) -> Any:
    """Return the type a field holds, its None left out."""
    options = [option for option in get_args(field.annotation) if option is not NoneType]
    literal = get_origin(field.annotation) is Literal
    return options[0] if options and not literal else field.annotation


def _choices(kind: Any) -> list[Any]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else []


def _bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the smallest and the largest value a field takes, None where it is open."""
    low = next((getattr(rule, side) for rule in field.metadata for side in ("ge", "gt") if hasattr(rule, side)), None)
    high = next((getattr(rule, side) for rule in field.metadata for side in ("le", "lt") if hasattr(rule, side)), None)
    return low, high


def _step(span: float) -> float:
    """Return a step that splits a range into about a hundred."""
    return next(step for step in (0.001, 0.01, 0.1, 1.0, 10.0) if span / step <= 300 or step == 10.0)
