"""What the store's tests stand on."""

import numpy as np
import pytest
import tifffile

from cellapp.store.projects import create_project
from cellapp.store.uploads import add_image


@pytest.fixture(autouse=True)
def _on_every_database(database):
    """Each test of the store runs on each database."""


@pytest.fixture
def project():
    return create_project("Breast lines")


@pytest.fixture
def write_tiff(tmp_path):
    """Write a small image of a value; other values are other bytes."""

    def write(value=1, *, name="image.tif", shape=(2, 32, 40), channels=("DAPI", "actin"), dtype=np.uint16):
        path = tmp_path / name
        pixels = np.full(shape, value, dtype)
        pixels[..., 4:9, 4:9] += 100
        metadata = {"axes": "CYX", "Channel": {"Name": list(channels)}, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=metadata)
        return path

    return write


@pytest.fixture
def add(project, write_tiff):
    """Add a small image to the project."""

    def add(value=1, *, name="image.tif", **how):
        return add_image(project.id, write_tiff(value, **how), name)

    return add
