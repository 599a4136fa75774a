"""Whether a stored run can be repeated with the weights it had."""

from __future__ import annotations

from contextlib import suppress

from cellapp.errors import InputError
from cellapp.exports.class_versions import read_versions
from cellapp.exports.run_json import read_run
from cellapp.models.other_weights import other_weights
from cellapp.store.records import RunRecord, Status
from cellapp.store.runs import run_folder


def other_weights_of_run(run: RunRecord) -> list[str]:
    """Return what `cellapp.models.other_weights.other_weights` tells of a run that is done again with its settings.

    Parameters
    ----------
    run : RunRecord
        One without a finished image, or whose files are gone, has nothing to be compared with.
    """
    folder = run_folder(run.id)
    done = next((image for image in run.images if image.status is Status.DONE), None)
    weights = {}
    if done is not None:
        with suppress(InputError):
            active = read_versions(folder).active
            made_by = {**read_run(folder / done.stem / "run.json"), **(active.made_by if active else {})}
            weights = made_by.get("weights_sha256") or {}
    return other_weights(weights, run.settings)
