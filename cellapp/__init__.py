"""cellapp: from microscope images to counted, explained, downloadable cells.

The verbs of the program for notebooks and scripts, see docs/notebook.md:

>>> import cellapp
>>> slide = cellapp.open_image("slide.ome.tif")
>>> analysis = cellapp.analyse(slide)

Each is imported when it is first used, so that ``import cellapp`` loads neither torch nor any other heavy library.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "open_image": "cellapp.images.read:open_slide",
    "load_model": "cellapp.models.load:load_model",
    "segment": "cellapp.pipeline.segment_slide:segment_image",
    "analyse": "cellapp.pipeline.analyse:analyse",
    "explain": "cellapp.pipeline.explain_cells:explain",
    "predict": "cellapp.pipeline.predict_crops:predict_crops",
    "train_classifier": "cellapp.training.classifier.train:train_head",
}
__all__ = ["__version__", *_VERBS]


def __getattr__(name: str) -> Any:
    """Import the function behind a verb when it is asked for."""
    if name not in _VERBS:
        raise AttributeError(f"module 'cellapp' has no attribute {name!r}; it offers {', '.join(_VERBS)}")
    module, _, function = _VERBS[name].partition(":")
    return getattr(import_module(module), function)


def __dir__() -> list[str]:
    return sorted(__all__)
