"""Outlines of blood cells from boxes and from points."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.smears import divide, draw_ellipses, drop_repeated, foreground, list_smears
from tests.segmentation.phantoms import discs


def smear(truth, *, holes=0):
    """Red discs with a pale middle on a light background, (3, Y, X) uint8."""
    dark = (truth > 0) & (ndimage.distance_transform_edt(truth > 0) < 14 - holes)
    green = np.where(dark, 120, 225) + np.random.default_rng(0).integers(-4, 5, truth.shape)
    return np.stack([np.full_like(green, 220), green, np.where(truth > 0, 150, 215)]).astype(np.uint8)


def test_an_ellipse_fills_its_box():
    labels = draw_ellipses(np.array([[10, 20, 40, 60], [50, 10, 70, 30]]), (90, 80))
    box = ndimage.find_objects(labels)[0]
    assert [box[0].start, box[0].stop, box[1].start, box[1].stop] == pytest.approx([10, 40, 20, 60], abs=1)
    assert np.count_nonzero(labels == 1) == pytest.approx(np.pi * 15 * 20, rel=0.03)


def test_ellipses_that_overlap_divide_what_they_share():
    labels = draw_ellipses(np.array([[10, 10, 40, 40], [10, 30, 40, 60]]), (50, 70))
    first, second = (np.count_nonzero(labels == one) for one in (1, 2))
    assert first == pytest.approx(second, rel=0.05)


def test_a_box_drawn_twice_counts_once():
    boxes = np.array([[10, 10, 40, 40], [11, 10, 40, 41], [10, 30, 40, 60]], float)
    assert drop_repeated(boxes).tolist() == boxes[[0, 2]].tolist()
    assert drop_repeated(boxes[:0]).shape == (0, 4)


def test_the_pale_middle_of_a_red_cell_is_cell():
    truth = discs((140, 160), [(40, 40), (90, 110), (100, 40)], 14)
    dark = foreground(smear(truth, holes=8))
    assert np.mean(dark == (truth > 0)) > 0.97
    assert dark[40, 40]


def test_points_divide_touching_cells_and_leave_the_rest_out():
    truth = discs((140, 160), [(40, 40), (40, 66), (100, 40), (100, 110)], 14)
    labels = divide(truth > 0, np.array([[40, 38], [40, 68], [101, 40]], float))
    assert labels.max() == 3
    assert labels[40, 40] != labels[40, 66] != 0
    assert labels[100, 110] == 0


def test_outlines_of_unlikely_size_are_left_out():
    truth = discs((140, 200), [(40, 40), (40, 90), (40, 140)], 12)
    truth[80:130, 20:180] = 4
    labels = divide(truth > 0, np.array([[40, 40], [40, 90], [40, 140], [100, 100]], float))
    assert set(np.unique(labels)) == {0, 1, 2, 3}


def test_smears_are_read_from_both_folders_and_split_by_name(tmp_path):
    truth = discs((120, 140), [(40, 40), (80, 90)], 14)
    for folder in ("bccd", "chula_rbc12"):
        (tmp_path / folder / "images").mkdir(parents=True)
    (tmp_path / "chula_rbc12" / "points").mkdir()
    names = [f"a{at}.jpg" for at in range(12)]
    rows = []
    for name in names:
        for folder in ("bccd", "chula_rbc12"):
            picture = Image.fromarray(smear(truth).transpose(1, 2, 0))
            picture.save(tmp_path / folder / "images" / name, quality=95)
        rows += [{"file": name, "label": "RBC", "xmin": 26, "ymin": 26, "xmax": 54, "ymax": 54}]
        rows += [{"file": name, "label": "Platelets", "xmin": 76, "ymin": 66, "xmax": 104, "ymax": 94}]
        points = pd.DataFrame({"x": [40, 90], "y": [40, 80], "class": 0})
        points.to_csv(tmp_path / "chula_rbc12" / "points" / f"{name[:-4]}.csv", index=False)
    pd.DataFrame(rows).to_csv(tmp_path / "bccd" / "boxes.csv", index=False)
    index = pd.DataFrame({"file": names, "group": [f"block{at // 2}" for at in range(12)]})
    index.to_csv(tmp_path / "chula_rbc12" / "index.csv", index=False)
    found = {split: [task() for task in list_smears(tmp_path, split)] for split in ("train", "val", "choose")}
    assert found["choose"] == []
    read = {split: {image.name for image in images} for split, images in found.items()}
    assert read["train"]
    assert read["val"]
    assert not read["train"] & read["val"]
    assert read["train"] | read["val"] == {f"{f}_{n[:-4]}" for f in ("bccd", "chula_rbc12") for n in names}
    for image in (*found["train"], *found["val"]):
        assert image.kind is Kind.SMEAR
        assert image.labels.max() == (1 if image.name.startswith("bccd") else 2)
        assert not (image.ignore & (image.labels > 0)).any()
        assert image.ignore[80, 90] == image.name.startswith("bccd")
