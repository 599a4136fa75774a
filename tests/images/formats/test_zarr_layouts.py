"""Zarr folders of every layout: series, plates, several multiscales, none of them trusted beyond the folder."""

import json
import shutil

import numpy as np
import pytest
import zarr

from cellapp.errors import InputError
from cellapp.images.probe import probe_all
from cellapp.images.read import open_slide
from tests.images.many_images import (
    ome_xml,
    set_metadata,
    write_bioformats2raw,
    write_image_group,
    write_plate,
)
from tests.images.slides import noise
from tests.paths import shared_case

SCENES = [noise(1, 1, 1, 20 + i, 30, seed=i) for i in range(3)]
versions = pytest.mark.parametrize("version", ["0.4", "0.5"])


def heights(path) -> list[int]:
    return [info.shape[1] for info in probe_all(path)]


@versions
def test_series_come_in_the_order_that_ome_states(tmp_path, version):
    path = write_bioformats2raw(tmp_path / "no suffix", SCENES, version=version, series=(2, 0, 1))
    assert heights(path) == [22, 20, 21]
    np.testing.assert_array_equal(open_slide(path).region(), SCENES[2][0, :, 0])


@versions
def test_without_ome_series_come_by_number(tmp_path, version):
    path = write_bioformats2raw(tmp_path / "a.zarr", [noise(1, 1, 1, 20 + i, 30) for i in range(12)], version=version)
    assert heights(path) == list(range(20, 32))
    assert [info.scene for info in probe_all(path)][:2] == ["s01", "s02"]


def test_ome_xml_names_series_and_their_channels_and_scale(tmp_path):
    path = write_bioformats2raw(tmp_path / "a.zarr", SCENES[:1], version="0.4", series=(0,))
    attributes = json.loads((path / "0" / ".zattrs").read_text())
    for dataset in attributes["multiscales"][0]["datasets"]:
        del dataset["coordinateTransformations"]
    (path / "0" / ".zattrs").write_text(json.dumps(attributes))
    (path / "OME" / "METADATA.ome.xml").write_text(ome_xml(SCENES[0], {}))
    (info,) = probe_all(path)
    assert (info.channels, info.um_per_px) == (("stain 0",), 0.5)


def test_the_older_layout_has_its_ome_xml_beside_the_pixels(tmp_path):
    write_bioformats2raw(tmp_path / "run" / "data.zarr", SCENES[:1], version="0.4")
    (tmp_path / "run" / "METADATA.ome.xml").write_text(ome_xml(SCENES[0], {}))
    (info,) = probe_all(tmp_path / "run")
    assert (info.format, info.channels, info.shape) == ("ome-zarr", ("stain 0",), (1, 20, 30))
    np.testing.assert_array_equal(open_slide(tmp_path / "run").region(), SCENES[0][0, :, 0])


@versions
def test_fields_of_wells_are_scenes(tmp_path, version):
    path = write_plate(tmp_path / "plate", {"A/1": SCENES[:2], "B/12": SCENES[2:]}, version=version)
    assert [info.scene for info in probe_all(path)] == ["A1 field 1", "A1 field 2", "B12 field 1"]
    assert heights(path) == [20, 21, 22]


def test_the_only_well_of_a_plate_keeps_its_name(tmp_path):
    (info,) = probe_all(write_plate(tmp_path / "plate", {"C/7": SCENES[:1]}, version="0.4"))
    assert info.title == "plate · C7"


@versions
def test_several_multiscales_of_a_group_are_scenes(tmp_path, version):
    path = write_image_group(tmp_path / "two", SCENES[0], version=version)
    group = zarr.open_group(path, mode="a")
    extra = group.create_array("other", shape=(1, 1, 1, 9, 8), dtype="uint16")
    extra[...] = 7
    attributes = dict(group.attrs)
    multiscales = (attributes.get("ome") or attributes)["multiscales"]
    other = {**multiscales[0], "name": "other", "datasets": [{**multiscales[0]["datasets"][0], "path": "other"}]}
    set_metadata(group, {"multiscales": [*multiscales, other]}, version)
    images = probe_all(path)
    assert [(info.scene, info.shape) for info in images] == [("s01", (1, 20, 30)), ("other", (1, 9, 8))]
    assert open_slide(path, selection=images[1].selection).region().tolist() == [[[7] * 8] * 9]


def test_images_in_groups_of_a_folder_that_says_nothing_are_found_and_labels_are_not(tmp_path):
    zarr.open_group(tmp_path / "sdata", mode="w", zarr_format=2)
    for name in ("images", "labels"):
        zarr.open_group(tmp_path / "sdata" / name, mode="w", zarr_format=2)
        write_image_group(tmp_path / "sdata" / name / "cells", SCENES[0], version="0.4")
    assert len(probe_all(tmp_path / "sdata")) == 1


@pytest.mark.parametrize("axes", [None, ["t", "c", "z", "y", "x"]])
def test_versions_without_described_axes_are_read_in_their_fixed_order(tmp_path, axes):
    scene = noise(2, 3, 2, 20, 30)
    path = write_image_group(tmp_path / "old", scene, version="0.4")
    attributes = json.loads((path / ".zattrs").read_text())
    multiscale = attributes["multiscales"][0]
    multiscale.pop("axes") if axes is None else multiscale.update(axes=axes)
    for dataset in multiscale["datasets"]:
        del dataset["coordinateTransformations"]
    (path / ".zattrs").write_text(json.dumps(attributes))
    images = probe_all(path)
    assert [(info.shape, info.n_planes) for info in images] == [((3, 20, 30), 2)] * 2
    assert images[0].um_per_px is None


@pytest.mark.parametrize("reference", ["../secret", "/secret", "..\\secret", "link"])
@pytest.mark.parametrize("where", ["dataset", "series", "well", "field"])
def test_paths_that_leave_the_folder_are_refused(tmp_path, reference, where):
    write_image_group(tmp_path / "secret", SCENES[0], version="0.4")
    secret = tmp_path / "secret" / "0" if where == "dataset" else tmp_path / "secret"
    if where == "series":
        path = write_bioformats2raw(tmp_path / "a", SCENES[:1], version="0.4", series=(0,))
        attributes, group = path / "OME" / ".zattrs", path
        changed = {"series": [reference]}
    elif where == "dataset":
        group = path = write_image_group(tmp_path / "a", SCENES[0], version="0.4")
        attributes = path / ".zattrs"
        changed = json.loads(attributes.read_text())
        changed["multiscales"][0]["datasets"][0]["path"] = reference
    else:
        path = write_plate(tmp_path / "a", {"A/1": SCENES[:1]}, version="0.4")
        group = path / "A" / "1" if where == "field" else path
        attributes = group / ".zattrs"
        changed = (
            {"well": {"images": [{"path": reference}]}}
            if where == "field"
            else {"plate": {"wells": [{"path": reference}]}}
        )
    (group / "link").symlink_to(secret)
    attributes.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="not a file in its own folder") as refused:
        probe_all(path)
    assert "\n" not in str(refused.value)


def test_the_case_of_bioformats2raw_opens(tmp_path):
    case = shared_case("08-bioformats2raw") / "slide.zarr"
    shutil.copytree(case, tmp_path / "no suffix")
    for path in (case, tmp_path / "no suffix"):
        (info,) = probe_all(path)
        assert (info.shape, info.dtype, info.um_per_px) == ((1, 256, 256), "uint16", 0.5)
        assert open_slide(path).region().mean() > 0
