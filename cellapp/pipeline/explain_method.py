"""How maps are made where nobody says: by the method that was found most faithful to the head."""

from __future__ import annotations

from typing import Any

from cellapp.classification.ensemble import Head
from cellapp.errors import ModelError
from cellapp.exports.explanation_truth import FILE, most_faithful, stored_truth
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.settings import AnalyseSettings


def truth_of(name: str | None, head: Head | None = None) -> dict[str, Any]:
    """Return what was measured of each method on a head, see `cellapp.pipeline.score_explanations`.

    Parameters
    ----------
    name : str or None
        Of the head, as `ClassifySettings.head` has it.
    head : LinearHead or EnsembleHead, optional
        Loaded where there are figures when left out.

    Returns
    -------
    dict
        Empty where nothing was measured, or on another version, or the head is not here.
    """
    if name is None:
        return {}
    try:
        folder = model_folder(name)
        if not (folder / FILE).is_file():
            return {}
        return stored_truth(folder, (head or load_model(name)).identity)
    except ModelError:
        return {}


def with_explain_method(settings: AnalyseSettings, head: Head | None = None) -> AnalyseSettings:
    """Name the method of the maps of a run where its settings do not.

    Parameters
    ----------
    settings : AnalyseSettings
    head : LinearHead or EnsembleHead, optional
        That of the settings, where it is loaded.

    Returns
    -------
    AnalyseSettings
        With the method most faithful to the head by `cellapp.exports.explanation_truth.most_faithful`, or "exact"
        where none was measured or none passed.
    """
    if settings.explain.method is not None:
        return settings
    method = most_faithful(truth_of(settings.classify.head, head)) or "exact"
    return settings.model_copy(update={"explain": settings.explain.model_copy(update={"method": method})})
