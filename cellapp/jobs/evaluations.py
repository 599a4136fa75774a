"""What the store remembers of a training: on which images of which runs its head was scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.evaluation.held_out_calls import CALLS, read_held_out, read_metrics
from cellapp.store.head_evaluations import HeldOutImage, Looks, add_evaluation, looks_before
from cellapp.store.heads import HeadRecord
from cellapp.store.records import RunImage, RunRecord
from cellapp.store.runs import get_run
from cellapp.training.labelled_cells import image_names


def images_of_runs(runs: Sequence[RunRecord]) -> dict[str, tuple[RunRecord, RunImage]]:
    """Return the run and the entry of each image of runs, by the names that trainings give to images."""
    names = image_names([[image.stem for image in run.images] for run in runs])
    return {
        name: (run, image)
        for run, of_run in zip(runs, names, strict=True)
        for name, image in zip(of_run, run.images, strict=True)
    }


def remember_evaluation(runs: Sequence[RunRecord], folder: Path) -> Looks:
    """Write down on which images a head was scored, and say how often these had been looked at before.

    Parameters
    ----------
    runs : sequence of RunRecord
        Of one project, in the order in which the head was trained on them.
    folder : Path
        Of the head. One that could not be scored is not written down.
    """
    if not (folder / CALLS).is_file():
        return Looks(0, "")
    calls, known = read_held_out(folder), images_of_runs(runs)
    groups = {cell.rpartition("/")[0]: group for cell, group in zip(calls.cells, calls.groups, strict=True)}
    found = {name: (*known[name], str(group)) for name, group in groups.items()}
    images = {name: HeldOutImage(run.id, image.image_id, group) for name, (run, image, group) in found.items()}
    project_id, weights = runs[0].project_id, weights_of(calls.head)
    add_evaluation(project_id, weights, calls.classes, str(read_metrics(folder).get("grouped_by")), images)
    return looks_before(project_id, weights)


def looks_of(head: HeadRecord) -> Looks:
    """Return how often the images that a head of a project was scored on had been looked at before."""
    return looks_before(head.project_id, weights_of(head.identity))


def runs_of_folders(folders: Sequence[Path]) -> list[RunRecord]:
    """Return the runs of one project whose folders these are; none where one is no run of the store."""
    home = (app_settings().home / "runs").resolve()
    if not all(folder.resolve().parent == home for folder in folders):
        return []
    try:
        runs = [get_run(folder.resolve().name) for folder in folders]
    except StoreError:  # of another database
        return []
    return runs if len({run.project_id for run in runs}) == 1 else []


def weights_of(identity: str) -> str:
    """Return the digest of the weights in the identity of a head, "name@version"."""
    return identity.rpartition("@")[2]
