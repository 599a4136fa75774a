"""Labels come back as they were written, whichever program's format they are in, and nothing of a file is run."""

import json
import pickle
import zipfile

import numpy as np
import pytest
import roifile
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.errors import InputError
from cellapp.exports.geojson import write_geojson
from cellapp.exports.label_image import write_labels
from cellapp.exports.polygons import polygons_of
from cellapp.exports.rle_tables import rle_table
from cellapp.exports.tables import write_csv
from cellapp.imports.label_file import read_label_file
from cellapp.regions.geojson import read_regions
from cellapp.segmentation.label_image import relabel
from cellapp.settings import QualitySettings
from cellapp.types.cells import LabelMask
from tests.cells.toy import slide_of
from tests.segmentation.phantoms import grid_of_discs

DISCS = grid_of_discs(9, n=3)
IDS = st.sampled_from([0, 0, 1, 2, 5, 70_000])
LABELS = arrays(np.int32, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9), elements=IDS)


def write_seg(path, content, protocol=4):
    """What `np.save` writes of a dictionary, by any protocol of pickle."""
    held = np.array(content)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(held))
        pickle.dump(held, file, protocol=protocol)
    return path


@settings(max_examples=12)
@given(labels=LABELS)
def test_our_own_exports_give_the_same_labels(labels, tmp_path):
    mask = LabelMask(labels, "none@1")
    slide = slide_of(np.ones((1, *labels.shape), np.uint8), ("a",))
    cells = assess(measure(slide, mask, channels=("a",)), mask, slide, QualitySettings())
    written = [write_labels(mask, tmp_path / "l.tif"), write_geojson(mask, cells, tmp_path / "o.geojson")]
    assert all((read_label_file(path, labels.shape) == labels).all() for path in written)


@settings(max_examples=40)
@given(
    labels=LABELS, protocol=st.integers(2, 5), kind=st.sampled_from([np.uint32, np.int64, ">i4"]), turned=st.booleans()
)
def test_masks_of_cellpose_are_read_at_any_protocol(labels, protocol, kind, turned, tmp_path):
    masks = labels.astype(kind)
    masks = np.asfortranarray(masks) if turned else masks
    content = {
        "filename": "a.tif",
        "masks": masks,
        "flows": [masks, [np.zeros(3)]],
        "diameter": np.float32(3),
        "ismanual": None,
    }
    path = write_seg(tmp_path / "a_seg.npy", content, protocol)
    assert (read_label_file(path, labels.shape) == labels).all()


def test_a_saved_seg_and_a_plain_array_are_read(tmp_path):
    np.save(tmp_path / "a_seg.npy", {"masks": DISCS.astype(np.uint16), "est_diam": 3.5})
    np.save(tmp_path / "b.npy", DISCS)
    for name in ("a_seg.npy", "b.npy"):
        assert (read_label_file(tmp_path / name, DISCS.shape) == DISCS).all()


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("place", ["masks", "beside"])
def test_nothing_that_a_pickle_names_is_run(place, tmp_path):
    evil = Evil(tmp_path / "made")
    path = write_seg(tmp_path / "a_seg.npy", {"masks": evil} if place == "masks" else {"x": evil, "masks": DISCS})
    if place == "masks":
        with pytest.raises(InputError, match="File menu"):
            read_label_file(path, DISCS.shape)
    else:
        assert (read_label_file(path, DISCS.shape) == DISCS).all()
    assert not (tmp_path / "made").exists()


def roi_of(inside):
    outer, *_ = polygons_of(inside)[0]
    return roifile.ImagejRoi.frompoints(outer[:-1].astype(np.int32))


def test_regions_of_imagej_are_drawn_in_their_order(tmp_path):
    with zipfile.ZipFile(tmp_path / "rois.zip", "w") as archive:
        for i in range(1, DISCS.max() + 1):
            archive.writestr(f"{i:04d}.roi", roi_of(i == DISCS).tobytes())
    assert (read_label_file(tmp_path / "rois.zip", DISCS.shape) == DISCS).all()
    (tmp_path / "one.roi").write_bytes(roi_of(DISCS == 4).tobytes())
    assert (read_label_file(tmp_path / "one.roi", DISCS.shape) == (DISCS == 4)).all()


def test_lines_and_what_is_no_region_are_refused(tmp_path):
    line = roifile.ImagejRoi.frompoints(np.array([[0, 0], [5, 5], [9, 2]]))
    line.roitype = roifile.ROI_TYPE.POLYLINE
    for content, says in ((line.tobytes(), "polyline"), (b"Iout", "no whole ImageJ ROI")):
        (tmp_path / "a.roi").write_bytes(content)
        with pytest.raises(InputError, match=says):
            read_label_file(tmp_path / "a.roi", DISCS.shape)


def compressed(counts):
    text = ""
    for i, count in enumerate(counts):
        rest, more = count - (counts[i - 2] if i > 2 else 0), True
        while more:
            bits, rest = rest & 31, rest >> 5
            more = rest != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | (32 if more else 0)))
    return text


def runs_of(inside):
    flat = np.concatenate([[False], inside.T.ravel()])
    return np.diff([*np.flatnonzero(np.diff(flat, prepend=False)), len(flat)], prepend=1).tolist()


@settings(max_examples=40)
@given(labels=LABELS, short=st.booleans())
def test_run_lengths_of_coco_are_read_both_ways(labels, short, tmp_path):
    ids = np.unique(labels[labels > 0])
    size, counts = list(labels.shape), [runs_of(labels == i) for i in ids]
    objects = [
        {"id": 7 + n, "image_id": 3, "segmentation": {"size": size, "counts": compressed(one) if short else one}}
        for n, one in enumerate(counts)
    ]
    images = [{"id": 2, "file_name": "b.tif"}, {"id": 3, "file_name": "x/a.png", "height": size[0], "width": size[1]}]
    (tmp_path / "c.json").write_text(json.dumps({"images": images, "annotations": objects, "categories": []}))
    read = read_label_file(tmp_path / "c.json", labels.shape, image="a.tif")
    assert (read == np.searchsorted(ids, labels) * (labels > 0) + (labels > 0)).all()


def test_polygons_of_coco_are_drawn_and_others_refused(tmp_path):
    def write(segmentation, name="a.png"):
        (tmp_path / "c.json").write_text(
            json.dumps({"images": [{"id": 1, "file_name": name}, {"id": 2, "file_name": "z.png"}],
                        "annotations": [{"id": 1, "image_id": 1, "segmentation": segmentation}]})
        )  # fmt: skip
        return tmp_path / "c.json"

    outline = polygons_of(DISCS == 1)[0][0][:-1].ravel().tolist()
    assert (read_label_file(write([outline]), DISCS.shape, image="a") == (DISCS == 1)).all()
    for content, says in ((([[1, 2]],), "three corners"), (([outline], "q.png"), "it must be there once")):
        with pytest.raises(InputError, match=says):
            read_label_file(write(*content), DISCS.shape, image="a")


@pytest.mark.parametrize("tree", [{"images": [1]}, {"annotations": [1]}, {"annotations": [None]}, {"images": [[]]}])
def test_what_is_no_object_in_a_list_of_coco_is_refused(tree, tmp_path):
    whole = {"images": [{"id": 1, "file_name": "a.tif"}], "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps(whole | tree))
    with pytest.raises(InputError, match="no objects of JSON"):
        read_label_file(tmp_path / "a.json", (8, 8))


def test_a_mark_of_the_byte_order_before_json_does_not_matter(tmp_path):
    corners = [[1, 1], [6, 1], [6, 6], [1, 1]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [corners]}, "properties": {}}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    for name, encoding in (("a.geojson", "utf-8"), ("b.geojson", "utf-8-sig")):
        (tmp_path / name).write_text(text, encoding=encoding)
    read = [read_label_file(tmp_path / name, (8, 8)) for name in ("a.geojson", "b.geojson")]
    assert read[0].any()
    assert (read[0] == read[1]).all()
    assert read_regions(tmp_path / "a.geojson", (8, 8)) == read_regions(tmp_path / "b.geojson", (8, 8))


@settings(max_examples=20)
@given(labels=LABELS, style=st.sampled_from(["cell-segger", "kaggle", "sartorius"]))
def test_our_tables_of_run_lengths_give_the_same_cells(labels, style, tmp_path):
    labels = relabel(labels)
    write_csv(rle_table([("a", labels), ("b", labels.T)], style, per_cell=True), tmp_path / "images.csv")
    assert (read_label_file(tmp_path / "images.csv", labels.shape, image="a.tif") == labels).all()


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_label_images_have_the_size_of_their_image(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, DISCS.astype(np.uint16))
    else:
        Image.fromarray(DISCS.astype(np.uint8)).save(path)
    assert (read_label_file(path, DISCS.shape) == DISCS).all()
    with pytest.raises(InputError, match="size of their image"):
        read_label_file(path, (5, 5))


@pytest.mark.parametrize("name", ["a.txt", "a.npy", "a.json", "a.zip", "gone.tif"])
def test_what_holds_no_labels_is_refused_in_a_sentence(name, tmp_path):
    if name != "gone.tif":
        (tmp_path / name).write_text("hello")
    with pytest.raises(InputError) as refused:
        read_label_file(tmp_path / name, (5, 5))
    assert "\n" not in str(refused.value)
