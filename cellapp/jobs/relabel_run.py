"""A person's word on cells of a run: to the store, to the files of each image, to the summary and the report."""

from __future__ import annotations

from collections.abc import Mapping

from cellapp.errors import StoreError
from cellapp.exports.apply_labels import relabel_folder
from cellapp.exports.report import write_report
from cellapp.store import cells as cell_store
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import Status


def correct_cells(run_id: str, labels: Mapping[str, Mapping[int, str]]) -> None:
    """Set what a person says cells are, wherever the run says it.

    Parameters
    ----------
    run_id : str
    labels : mapping of image id to {cell id: class}
        An empty class takes a person's word back.

    Raises
    ------
    StoreError
        When the run has no such image; nothing is changed then.
    InputError
        When an image has no such cell.
    """
    run = runs.get_run(run_id)
    folder = runs.run_folder(run_id)
    unknown = [image_id for image_id in labels if run.image(image_id) is None]
    if unknown:
        raise StoreError(f"run {run_id!r} has no image {unknown[0]!r}; reload the page")
    for image_id, words in labels.items():
        # Files first: they name a cell that is not there, and then the store is left alone too.
        summary = relabel_folder(folder / run.image(image_id).stem, open_slide(image_id), words)
        cell_store.relabel(run_id, image_id, words)
        runs.set_image_status(run_id, image_id, Status.DONE, n_cells=summary["n_cells"], summary=summary)
    write_report(folder, title=run.name)
