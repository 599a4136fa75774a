"""Fields of further laboratories: by split and group, with what nobody labelled."""

import numpy as np
import pytest
from PIL import Image

from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.source_images import read_labelled_images
from tests.segmentation.phantoms import discs, glowing
from tests.training.segmenter.conftest import write_index, write_picture

GROUPS = [f"well_{at}" for at in range(12)]


@pytest.fixture
def fields(tmp_path):
    truth = discs((32, 32), [(16, 16)], 8)
    for name in ("bbbc039", "cfos"):
        rows = []
        for at, group in enumerate(GROUPS):
            for site in ("s1", "s2"):
                write_picture(tmp_path / name, f"{group}_{site}", (glowing(truth)[0] * 255).astype(np.uint8), truth)
                rows.append({"file": f"{group}_{site}.png", "group": group, "split": "train" if at else "val"})
        write_index(tmp_path / name, rows)
    return tmp_path


def names(images):
    return {image.name for image in images}


def test_each_set_is_of_its_kind(fields):
    images = list(read_labelled_images(fields, "val", 0))
    assert {image.name: image.kind for image in images} == {
        **{f"bbbc039_well_0_{site}": Kind.FIELDS for site in ("s1", "s2")},
        **{f"cfos_well_0_{site}": Kind.TISSUE for site in ("s1", "s2")},
    }
    assert all(image.ignore is None and image.labels.max() == 1 for image in images)
    assert names(read_labelled_images(fields, "val", 0, kinds=[Kind.TISSUE])) == {"cfos_well_0_s1", "cfos_well_0_s2"}


def test_groups_are_held_out_whole(fields):
    train, choose = (names(read_labelled_images(fields, split, 0, 0.4)) for split in ("train", "choose"))
    assert train
    assert choose
    assert len(train | choose) == 44
    groups = [{name.rpartition("_")[0] for name in part} for part in (train, choose)]
    assert not groups[0] & groups[1]


def test_what_nobody_labelled_is_marked(fields):
    (fields / "bbbc039" / "ignore").mkdir()
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 30:] = 255
    Image.fromarray(mask).save(fields / "bbbc039" / "ignore" / "well_0_s1.png")
    image = next(one for one in read_labelled_images(fields, "val", 0) if one.name == "bbbc039_well_0_s1")
    assert np.array_equal(image.ignore, mask > 0)
