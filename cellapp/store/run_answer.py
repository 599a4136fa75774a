"""Whether the classes of a stored run are an answer, for its images and for all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cellapp.cells.answer import Answer, pool
from cellapp.errors import InputError
from cellapp.exports.run_json import read_run
from cellapp.exports.stored_summary import stored_summary
from cellapp.models.demonstration import demonstration_of_run
from cellapp.store.records import RunRecord, Status
from cellapp.store.runs import run_folder


def image_summaries(run: RunRecord) -> dict[str, Mapping[str, Any]]:
    """Return the row of summary.csv of each image by its id, empty without a result.

    Rows that earlier versions stored do not say whether the classes are an answer; those are counted again.
    """
    folder = run_folder(run.id)
    rows: dict[str, Mapping[str, Any]] = {image.image_id: image.summary for image in run.images}
    for image in run.images:
        if image.status is Status.DONE and "answer" not in image.summary:
            try:
                rows[image.image_id] = stored_summary(folder / image.stem)
            except InputError:
                continue  # its files are gone: what the store has is all there is
    return rows


def run_answer(run: RunRecord, summaries: Mapping[str, Mapping[str, Any]]) -> Answer:
    """Return whether the classes of all images of a run together are an answer.

    Parameters
    ----------
    run : RunRecord
    summaries : mapping
        From `image_summaries`.
    """
    tree: Mapping[str, Any] = {"settings": run.settings.model_dump(mode="json")}
    done = next((image for image in run.images if image.status is Status.DONE), None)
    if done is not None:
        with suppress(InputError):  # without its files the settings name the head, enough for those that ship
            tree = read_run(run_folder(run.id) / done.stem / "run.json")
    return pool(summaries.values(), demonstration_of_run(tree))
