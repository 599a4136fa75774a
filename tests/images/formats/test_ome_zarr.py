"""OME-Zarr folders of both versions in use."""

import json

import numpy as np
import pytest
import zarr

from cellapp.errors import InputError
from cellapp.images.read import file_digest, open_slide
from tests.images.slides import noise


def write(path, pixels: np.ndarray, axes: str, *, version: str, um_per_px: float = 0.5, labels: tuple[str, ...] = ()):
    """Write a two-level OME-Zarr by the letter of the specification, without the package that reads it."""
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    for name, step in (("0", 1), ("1", 2)):
        level = pixels[..., ::step, ::step]
        group.create_array(name, shape=level.shape, dtype=level.dtype, chunks=level.shape)[...] = level
    spaces = {"y": "space", "x": "space", "z": "space", "c": "channel", "t": "time"}
    units = {"unit": "micrometer"}
    multiscale = {
        "axes": [{"name": a, "type": spaces[a], **(units if spaces[a] == "space" else {})} for a in axes],
        "datasets": [
            {
                "path": name,
                "coordinateTransformations": [
                    {"type": "scale", "scale": [step * um_per_px if a in "yx" else 1.0 for a in axes]}
                ],
            }
            for name, step in (("0", 1), ("1", 2))
        ],
    }
    metadata = {"version": version, "multiscales": [multiscale]}
    if labels:
        metadata["omero"] = {"channels": [{"label": label} for label in labels]}
    group.attrs.update({"ome": metadata} if version == "0.5" else metadata)
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_pixels_levels_names_and_size_are_read(tmp_path, version):
    pixels = noise(2, 40, 60)
    path = write(tmp_path / "a.zarr", pixels, "cyx", version=version, labels=("DAPI", "GFP"))
    slide = open_slide(path)
    assert slide.info.format == "ome-zarr"
    assert slide.info.channels == ("DAPI", "GFP")
    assert slide.info.um_per_px == pytest.approx(0.5)
    assert slide.info.levels == ((40, 60), (20, 30))
    assert slide.digest == file_digest(path)
    np.testing.assert_array_equal(slide.region(), pixels)
    np.testing.assert_array_equal(slide.region(level=1), pixels[:, ::2, ::2])


def test_time_channel_and_depth_axes_are_understood(tmp_path):
    pixels = noise(1, 2, 3, 40, 60, dtype="uint8")
    slide = open_slide(write(tmp_path / "a.zarr", pixels, "tczyx", version="0.4"))
    np.testing.assert_array_equal(slide.region(), pixels[0].max(axis=1))
    assert "3 planes of depth" in slide.info.notes[0]


@pytest.mark.parametrize("attributes", [{}, {"plate": {"wells": []}}, {"multiscales": []}])
def test_folders_without_an_image_are_refused(tmp_path, attributes):
    group = zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=2)
    group.attrs.update(attributes)
    with pytest.raises(InputError, match="without an OME-Zarr image"):
        open_slide(tmp_path / "plate.zarr")


def test_metadata_that_point_nowhere_are_one_sentence(tmp_path):
    path = write(tmp_path / "a.zarr", noise(1, 8, 8), "cyx", version="0.4")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = "gone"
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(InputError) as refused:
        open_slide(path)
    assert "\n" not in str(refused.value)
