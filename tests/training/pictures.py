"""Folders of labelled pictures for tests: two kinds of cells that differ in size, on slides that differ in light."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

CLASSES = ("cancer", "normal")


def write_pictures(folder: Path, *, n_groups=6, per_group=4, index="group", seed=0, classes=CLASSES) -> Path:
    """Write 16-bit pictures of 40 px into a folder per class; one class per group, named in index.csv unless None."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :40] - 20
    rows = []
    for group in range(n_groups):
        code = group % len(classes)
        light = rng.uniform(500, 3000)
        for n in range(per_group):
            radius, stretch = rng.normal(7 + 6 * code, 0.7), rng.uniform(0.8, 1.2)
            distance = (stretch * y) ** 2 + (x / stretch) ** 2
            cell = (distance < radius**2) * light
            planes = np.stack([cell, 0.5 * cell, cell * (distance < radius**2 / 4)])
            pixels = (planes + rng.normal(300, 30, planes.shape)).clip(0).astype(np.uint16)
            file = Path(classes[code]) / f"{group:02d}_{n}.tif"
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / file, pixels, photometric="minisblack")
            rows.append((file.as_posix(), classes[code], f"slide {group}"))
    if index:
        pd.DataFrame(rows, columns=["file", "class", index]).to_csv(folder / "index.csv", index=False)
    return folder
