"""The methods of explanation by name, and the one function that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.explanation.class_token import with_class_token
from cellapp.explanation.gradcam import LIBRARY, LibraryMethod
from cellapp.explanation.guided_backpropagation import guided_backpropagation
from cellapp.explanation.hirescam import exact_maps
from cellapp.explanation.integrated_gradients import STEPS, integrated_gradients
from cellapp.explanation.occlusion import MAX_WINDOWS, occlusion
from cellapp.explanation.rollout import rollout
from cellapp.settings import LAYERED
from cellapp.types.cells import Explanations
from cellapp.types.protocols import Encoder

BACK = 2
"""Passes that one back through the whole network counts for."""
_FEW_PASSES = 5


class Method(Protocol):
    """Makes signed maps of crops in logit units; `explain` has checked that head and encoder belong together."""

    def __call__(
        self,
        encoder: Encoder,
        head: Head,
        crops: np.ndarray,
        cell_ids: np.ndarray,
        target: str,
        layer: int | None = None,
    ) -> Explanations:
        """Explain the class `target` of `crops`, (N, 3, S, S) float32, at a layer where the method reads one."""
        ...


METHODS: Mapping[str, Method] = {
    "exact": exact_maps,
    "hirescam": LibraryMethod("HiResCAM"),
    "gradcam": LibraryMethod("GradCAM"),
    "gradcam++": LibraryMethod("GradCAMPlusPlus"),
    "xgradcam": LibraryMethod("XGradCAM"),
    "layercam": LibraryMethod("LayerCAM"),
    "eigencam": LibraryMethod("EigenCAM"),
    "elementwise": LibraryMethod("GradCAMElementWise"),
    "class-token": with_class_token,
    "integrated-gradients": integrated_gradients,
    "guided-backpropagation": guided_backpropagation,
    "rollout": rollout,
    "occlusion": occlusion,
}
"""By the names of `ExplainSettings.method`."""

METHOD_TITLES: Mapping[str, str] = {
    "exact": "HiResCAM, exact",
    "hirescam": "HiResCAM, by gradients",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "xgradcam": "XGrad-CAM",
    "layercam": "Layer-CAM",
    "eigencam": "Eigen-CAM",
    "elementwise": "Grad-CAM, element-wise",
    "class-token": "Patches and class token",
    "integrated-gradients": "Integrated gradients",
    "guided-backpropagation": "Guided backpropagation",
    "rollout": "Attention rollout",
    "occlusion": "Occlusion",
}
"""Names for people."""

METHOD_NOTES: Mapping[str, str] = {
    "eigencam": "Shows where activations are large, whatever the class; sign and size are those of HiResCAM.",
    "rollout": "Shows where the class token has its information from, whatever the class; one sign per cell.",
    "guided-backpropagation": "Shows places only: clipped gradients are no parts of the logit.",
}
"""What a reader of such a map should know, beside its cost."""

_PASSES: Mapping[str, int] = {
    "guided-backpropagation": 1 + BACK,
    "integrated-gradients": 1 + STEPS * (1 + BACK),
    "occlusion": 1 + MAX_WINDOWS,
}


def passes(method: str) -> int:
    """Return what a map costs in passes of the network over a cell: 1 is what encoding it takes.

    A pass back through the whole network counts as two. Counted, not measured, so that it is the same everywhere;
    occlusion needs fewer where the map has fewer squares than windows.
    """
    return _PASSES.get(method, 1)


def is_slow(method: str) -> bool:
    """Whether a map costs more than a few times what encoding the cell does."""
    return passes(method) > _FEW_PASSES


def cost_text(method: str) -> str:
    """Return what a map of a slow method costs, in words; "" for others."""
    return f"each map costs as much as classifying its cell {passes(method)} times" if is_slow(method) else ""


LAYER_TITLES: Mapping[int | None, str] = {
    None: "Final norm",
    1: "Last block",
    2: "One block earlier",
    3: "Two blocks earlier",
}
"""Layers that people choose between, see `explain`."""


def method_text(method: str, layer: int | None = None) -> str:
    """Return how maps were made, for captions: "Grad-CAM at the last block"; methods without layers name none."""
    title = METHOD_TITLES[method]
    if method not in LAYERED:
        return title
    known = None if layer == 0 else layer
    return f"{title} at the {LAYER_TITLES[known].lower()}" if known in LAYER_TITLES else f"{title} at layer {layer}"


def method_note(method: str) -> str:
    """Return what a reader of such a map should know, with its cost where it is a slow one; "" for others."""
    cost = cost_text(method)
    slow = f"{METHOD_TITLES[method]}: {cost}." if cost else ""
    return " ".join(part for part in (METHOD_NOTES.get(method, ""), slow) if part)


def explain(
    encoder: Encoder,
    head: Head,
    crops: np.ndarray,
    cell_ids: np.ndarray,
    target: str | None = None,
    *,
    method: str = "exact",
    layer: int | None = None,
) -> Explanations:
    """Explain one class of each crop.

    Parameters
    ----------
    encoder : Encoder
    head : LinearHead or EnsembleHead
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`; of as many planes as channels where the head
        reads each by itself.
    cell_ids : ndarray of shape (N,)
    target : str, optional
        Class to explain; the head's positive class when left out.
    method : str
        One of `METHODS`.
    layer : int, optional
        Where activations are read: 0 the final norm, 1 the first norm of the last block (or the last stage),
        2 that of the one before; 0 when left out. Only of `cellapp.settings.explain.LAYERED`.

    Returns
    -------
    Explanations
        Calibrated logit units, see `LinearHead.contrast`; `rest` is the logit minus the sum of the map.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head is for another encoder, reads no crops, does not know the class, or the method cannot.
    """
    head.check_encoder(encoder)
    head.check_reads_crops()
    explained = METHODS[method](encoder, head, crops, cell_ids, target or head.positive, layer)
    return explained if layer is None else replace(explained, method=f"{explained.method} at layer {layer}")


def made_by(stored: str, method: str, layer: int | None) -> bool:
    """Whether the `method` of stored `Explanations` is that of these settings; HiResCAM is the same both ways."""
    name = "hirescam" if method == "exact" else _STORED.get(method, method)
    return stored.replace(f":{LIBRARY}", "") == (name if layer is None else f"{name} at layer {layer}")


_STORED = {name: one.kind.lower() for name, one in METHODS.items() if isinstance(one, LibraryMethod)}
