"""How maps are made where nobody says: by the method that was found most faithful to the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.classification.ensemble import Head
from cellapp.errors import ModelError
from cellapp.explanation.methods import cost_text
from cellapp.exports.explanation_truth import FILE, most_faithful, stored_truth
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.settings import AnalyseSettings, ExplainSettings


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
        where none was measured or none passed, and `by_default` set.
    """
    if settings.explain.method is not None:
        return settings
    method = most_faithful(truth_of(settings.classify.head, head)) or "exact"
    return _changed(settings, method=method, by_default=True)


def settings_of_run(tree: Mapping[str, Any]) -> AnalyseSettings:
    """Return the settings of run.json as they were asked for: a method that nobody named is left open.

    Maps that are made of a run later (mean maps, the cells of its report) are then by the method that its pages show
    at first: the one named for the run, else the most faithful one by now.
    """
    settings = AnalyseSettings.model_validate(tree["settings"])
    return _changed(settings, method=None, by_default=False) if settings.explain.by_default else settings


def _changed(settings: AnalyseSettings, **changes: Any) -> AnalyseSettings:
    return settings.model_copy(update={"explain": settings.explain.model_copy(update=changes)})


def cost_note(explain: ExplainSettings) -> str:
    """Return what a slow method costs that nobody named, and the way out; "" where there is nothing to say."""
    cost = cost_text(explain.named)
    if not cost or not explain.by_default:
        return ""
    return (
        f"maps are by {explain.named}, the most faithful to this head: {cost}; --explain-method exact costs as much "
        "as classifying once"
    )
