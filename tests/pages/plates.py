"""A small plate in the store: six wells whose images are named by them, and its layout."""

import json

import numpy as np

from cellapp.exports.tables import count_row, read_cells, write_cells
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run

WELLS = {"A01": 0.8, "A02": 0.7, "A03": 0.75, "B01": 0.2, "B02": 0.1, "B03": 0.15}
LAYOUT = "well,treatment,dose,control\n" + "".join(
    f"{well},{'DMSO,,negative' if share > 0.5 else 'drug,1 uM,'}\n" for well, share in WELLS.items()
)


def seed_plate(folder, *, shown=True):
    """A finished run of the plate; `shown` makes its classes an answer."""
    seeded = [seed_image(folder, name=f"plate_{well}.tif", seed=k + 1) for k, well in enumerate(WELLS)]
    run = seed_run(seeded)
    for image, share in zip(run.images, WELLS.values(), strict=True):
        _call(runs.run_folder(run.id) / image.stem, share, shown)
    return run


def _call(folder, share, shown):
    cells = read_cells(folder / "cells.parquet")
    cancer = np.arange(len(cells)) < share * len(cells)
    cells["p_cancer"] = np.where(cancer, 0.9, 0.1)
    cells["p_normal"], cells["label"] = 1 - cells["p_cancer"], np.where(cancer, "cancer", "normal")
    write_cells(cells.assign(qc_pass=True, unsure=False, unlike_training=False), folder / "cells.parquet")
    run = json.loads((folder / "run.json").read_text())
    run["demonstration"] = "" if shown else run["demonstration"]
    run["summary"].update(
        count_row(read_cells(folder / "cells.parquet"), "" if shown else "trained on synthetic cells")
    )
    (folder / "run.json").write_text(json.dumps(run))
