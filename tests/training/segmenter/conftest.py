"""A folder of the layout of the development data, small and made here."""

import csv

import numpy as np
import pytest
from PIL import Image

from tests.segmentation.phantoms import discs, glowing


@pytest.fixture
def data(tmp_path):
    """One fluorescence image to train on, one stained to validate on, one of phase contrast with a fragment."""
    truth = discs((96, 96), [(24, 24), (60, 60)], 12)
    gray = (glowing(truth)[0] * 255).astype(np.uint8)
    fragment = truth.copy()
    fragment[90:94, 90:94] = 3
    folder = tmp_path / "data"
    write_picture(folder / "dsb2018", "a", gray, truth)
    write_picture(folder / "dsb2018", "b", np.stack([gray // 2, gray, gray // 3], axis=-1), truth)
    write_picture(folder / "usiigaci", "c", gray.astype(np.uint16) * 257, fragment)
    write_index(folder / "dsb2018", [{"id": "a", "split": "train", "type": "fluorescence"},
                                {"id": "b", "split": "val", "type": "stained_or_colour"}])  # fmt: skip
    write_index(folder / "usiigaci", [{"file": "c", "split": "train"}])
    return folder


def write_picture(folder, name, pixels, truth):
    for kind, array in (("images", pixels), ("labels", truth.astype(np.uint16))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / kind / f"{name}.png")


def write_index(folder, rows):
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
