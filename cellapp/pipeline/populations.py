"""Fractions of classes in the images of a stored run, per image and per condition of the image table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import read_held_out
from cellapp.evaluation.mixtures import target_shares
from cellapp.models.registry import model_folder
from cellapp.pipeline.quantify_runs import KnownMixtures, probabilities_of_image, quantify_images
from cellapp.store.images import list_images
from cellapp.store.records import CONDITIONS, Status
from cellapp.store.runs import get_run, run_folder


def populations(run_id: str, condition: str | None = None) -> dict[str, Any]:
    """Estimate the fraction of each class per image, per value of a condition and in all images of a run.

    Where a cell of the image table is a class of the head, or a mixture such as "cancer:normal=1:2", the composition of
    that image is known, and the estimates are held against it.

    Parameters
    ----------
    run_id : str
    condition : str, optional
        One of `CONDITIONS`; none groups no images.

    Returns
    -------
    dict
        As `cellapp.pipeline.quantify_runs.quantify_runs` gives it for the folder of the run, with ``known``
        (image -> class -> fraction).

    Raises
    ------
    InputError
        When the run has no result or no head, the head has no held-out calls, or there is no such condition.
    """
    if condition is not None and condition not in CONDITIONS:
        raise InputError(f"no condition {condition!r} in the image table; it has {', '.join(CONDITIONS)}")
    run = get_run(run_id)
    done = {image.image_id: image.stem for image in run.images if image.status is Status.DONE}
    if not done or run.settings.classify.head is None:
        raise InputError(f"{run.name!r} has no classes to count; wait for its images, or call its cells by a head")
    calls = read_held_out(model_folder(run.settings.classify.head))
    said = {image.id: image.conditions for image in list_images(run.project_id) if image.id in done}
    cells = {stem: probabilities_of_image(run_folder(run.id) / stem, calls) for stem in done.values()}
    of_stem = {stem: said[image_id] for image_id, stem in done.items() if image_id in said}
    shares = {stem: share for stem, row in of_stem.items() if (share := _composition(row, calls.classes)) is not None}
    values = {stem: row.get(condition, "") for stem, row in of_stem.items()} if condition else {}
    facts = KnownMixtures(shares, {stem: value for stem, value in values.items() if value})
    known = {stem: dict(zip(calls.classes, share.tolist(), strict=True)) for stem, share in shares.items()}
    return quantify_images(calls, cells, facts) | {"known": known}


def _composition(conditions: Mapping[str, str], classes: tuple[str, ...]) -> np.ndarray | None:
    """Return the composition that the conditions of an image name, (K,); None where they name none."""
    for value in conditions.values():
        try:
            share = target_shares([value.strip()], classes)[0]
        except InputError:  # a text with "=" that is no mixture
            continue
        if np.isclose(share.sum(), 1):
            return share
    return None
