"""Keep torchvision importable beside a CPU-only torch.

PyPI's torchvision is built against CUDA torch. Beside the CPU-only wheel its C++ library cannot load, and importing
torchvision then fails because it registers shape rules for operators that are not defined ("operator torchvision::nms
does not exist"). cellpose, transformers, timm and pytorch_grad_cam all import torchvision, none of them calls those
operators here. Every adapter calls `install` before such an import.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_LIBRARIES: list[object] = []  # a torch Library undoes its definitions when it is collected
_INSTALLED: list[bool] = []  # result of the first call, for all later ones
_LOCK = threading.Lock()  # two threads may load their first models at once; a namespace can be defined only once


def install() -> bool:
    """Declare torchvision's detection operators when its own library cannot.

    Returns
    -------
    bool
        True when the operators were declared; False when torchvision is absent, already imported or loads by itself.
        Later calls in the same process return the same and do nothing.
    """
    with _LOCK:
        if not _INSTALLED:
            _INSTALLED.append(_install())
        return _INSTALLED[0]


def _install() -> bool:
    if "torchvision" in sys.modules or _operators_load():
        return False
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    _LIBRARIES.append(library)
    return True


def _operators_load() -> bool:
    """Whether torchvision's compiled operators are usable, or torchvision is not installed at all."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    import torch

    libraries = [path for path in Path(spec.origin).parent.glob("_C.*") if path.suffix in {".so", ".pyd", ".dylib"}]
    try:
        for path in libraries:
            torch.ops.load_library(str(path))
    except OSError:
        return False
    return bool(libraries)
