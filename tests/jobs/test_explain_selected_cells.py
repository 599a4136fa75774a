"""Maps asked for later equal those of the run, are kept, and are added to."""

import numpy as np
import pytest

from cellapp.errors import Cancelled, InputError, StoreError
from cellapp.exports.explanations import read_maps, stored_maps
from cellapp.exports.tables import read_cells
from cellapp.jobs.explain_selected_cells import explain_selected_cells
from cellapp.jobs.handlers import HANDLERS
from cellapp.settings import AnalyseSettings, ExplainSettings
from cellapp.store import projects, runs, uploads

pytestmark = pytest.mark.slow


@pytest.fixture
def finished(demo):
    """A run of the demo slide with the maps of four cells, its image's folder and the classified cells."""
    project = projects.default_project()
    image = uploads.add_image(project.id, demo.slide, "demo.tif")
    run = runs.create_run(project.id, [image.id], AnalyseSettings.model_validate({"explain": {"n": 4}}))
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    folder = runs.run_folder(run.id) / runs.get_run(run.id).images[0].stem
    cells = read_cells(folder / "cells.parquet")
    return run, image, folder, cells.index[cells["label"] != ""].tolist()


def test_maps_made_later_are_those_of_the_run_and_are_added_to(finished):
    run, image, folder, ids = finished
    of_run = read_maps(folder / "explanations" / "maps.npz")
    wanted = of_run.cell_ids.tolist()
    payload = {"run_id": run.id, "image_id": image.id, "cell_ids": wanted, "target": "cancer"}
    HANDLERS["explain"](payload, lambda step, fraction: None)
    kept = stored_maps(folder, "cancer")
    rows = [kept.cell_ids.tolist().index(i) for i in wanted]
    np.testing.assert_allclose(kept.maps[rows], of_run.maps, atol=0.02)
    np.testing.assert_allclose(kept.maps.sum((1, 2)) + kept.rest, kept.logits, atol=1e-3)

    said = []
    more = [i for i in ids if i not in wanted][:5] + wanted[:1]
    explain_selected_cells(run.id, image.id, more, "cancer", lambda step, part: said.append(part))
    assert set(stored_maps(folder, "cancer").cell_ids.tolist()) == {*wanted, *more}
    assert len(stored_maps(folder, "cancer").cell_ids) == len({*wanted, *more})
    assert said == sorted(said)
    how = ExplainSettings(method="gradcam", layer=1)
    HANDLERS["explain"](payload | {"how": how.model_dump()}, lambda step, fraction: None)
    assert stored_maps(folder, "cancer", how).cell_ids.tolist() == sorted(wanted)
    assert set(stored_maps(folder, "cancer").cell_ids.tolist()) == {*wanted, *more}
    assert stored_maps(folder, "normal") is None


def test_what_is_not_there_is_told_and_a_cancelled_job_keeps_nothing(finished):
    run, image, folder, ids = finished
    with pytest.raises(StoreError, match="no cell 99999"):
        explain_selected_cells(run.id, image.id, [99_999], "cancer")
    with pytest.raises(StoreError, match="no image 'nowhere'"):
        explain_selected_cells(run.id, "nowhere", ids[:1], "cancer")

    def cancel(step, fraction):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        explain_selected_cells(run.id, image.id, ids[:1], "cancer", cancel)
    assert stored_maps(folder, "cancer") is None
    (folder / "maps_cancer.npz").write_bytes(b"half a file")
    with pytest.raises(InputError, match="holds no maps"):
        stored_maps(folder, "cancer")
