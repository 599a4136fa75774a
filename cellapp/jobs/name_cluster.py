"""A cluster of cells gets a name and becomes labels: cluster first, label after."""

from __future__ import annotations

import pandas as pd

from cellapp.errors import InputError
from cellapp.jobs.discover import DiscoverRequest, discovery_folder
from cellapp.jobs.label_requests import request_label_files
from cellapp.labelling.class_names import clean_class
from cellapp.labelling.sources import LabelSource
from cellapp.store.label_rows import NewLabel
from cellapp.store.labels import add_labels
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import get_run


def read_clusters(request: DiscoverRequest) -> pd.DataFrame:
    """Return the cells of a result in the order of ``clusters.csv``, with ``image_id`` beside the image's folder name.

    Raises
    ------
    InputError
        When there is no such result.
    """
    path = discovery_folder(request) / "clusters.csv"
    if not path.is_file():
        raise InputError("these clusters are no longer there; look for clusters again")
    image_ids = {image.stem: image.image_id for image in get_run(request.run_id).images}
    table = pd.read_csv(path, dtype={"image": str})
    return table.assign(image_id=table["image"].map(image_ids))


def name_cluster(request: DiscoverRequest, cluster: int, name: str, *, who: str = "") -> tuple[int, ...]:
    """Give the cells of a cluster a class; what somebody said of a cell by hand, or a table says, stays.

    Parameters
    ----------
    request : DiscoverRequest
        Whose result the cluster is of.
    cluster : int
    name : str
        Becomes a class of the project.
    who : str

    Returns
    -------
    tuple of int
        Ids of the labels that were added; `cellapp.store.labels.retract_labels` undoes it.

    Raises
    ------
    InputError
        When the name cannot be a class, the result is gone, or the cluster has no cell.
    """
    run, cells, name = get_run(request.run_id), read_clusters(request), clean_class(name)
    cells = cells[cells["cluster"] == cluster]
    if cells.empty:
        raise InputError(f"there is no cluster {cluster + 1}; choose one that is shown")
    words = labels_of_run(run.id).words
    by_people = words[words["source"].isin([LabelSource.HAND.value, LabelSource.TABLE.value])]
    said = set(zip(by_people["image_id"], by_people["cell_id"], strict=True))
    places = [place for place in zip(cells["image_id"], cells["cell_id"].astype(int), strict=True) if place not in said]
    labels = [NewLabel(image, name, run.id, cell, who=who, source=LabelSource.CLUSTER) for image, cell in places]
    added = add_labels(run.project_id, labels) if labels else ()
    request_label_files(run.id, {record.image_id for record in added})
    return tuple(record.id for record in added)
