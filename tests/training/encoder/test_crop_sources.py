"""Crops are cut from images as a recipe says."""

import csv

import numpy as np
import pytest
from PIL import Image

from cellapp.errors import InputError
from cellapp.segmentation.classical import Classical
from cellapp.training.encoder.crop_sources import cut_sources
from cellapp.training.encoder.recipe import Source
from tests.segmentation.phantoms import discs, glowing

pytestmark = pytest.mark.slow

TRUTH = discs((96, 96), [(24, 24), (60, 60)], 12)


@pytest.fixture
def data(tmp_path):
    """One labelled image in each split, and two files that are the channels of one image."""
    gray = (glowing(TRUTH)[0] * 255).astype(np.uint8)
    for folder in ("set/images", "set/labels", "pairs"):
        (tmp_path / folder).mkdir(parents=True)
    with (tmp_path / "set" / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "split", "type"])
        writer.writeheader()
        writer.writerows({"id": name, "split": split, "type": "glow"} for name, split in (("a", "train"), ("b", "val")))
    for name in "ab":
        Image.fromarray(gray).save(tmp_path / "set" / "images" / f"{name}.png")
        Image.fromarray(TRUTH.astype(np.uint16)).save(tmp_path / "set" / "labels" / f"{name}.png")
    Image.fromarray(gray).save(tmp_path / "pairs" / "x_red.png")
    Image.fromarray(gray // 2).save(tmp_path / "pairs" / "x_green.png")
    return tmp_path


def cut(data, *sources):
    return cut_sources(sources, data, Classical())


def test_labelled_images_of_the_split_give_their_cells(data):
    cells = cut(data, Source(name="known", kind="labelled", folder="set"))
    assert len(cells) == 2
    assert set(cells.labels) == {"glow"}
    assert set(cells.groups) == {"known/a"}
    assert set(cells.sources) == {"known"}


def test_cells_are_found_where_there_are_no_labels_and_files_are_joined(data):
    source = Source(name="found", kind="fields", folder="pairs", pictures=(("*_red.png", "*_green.png"),))
    cells = cut(data, source)
    assert len(cells) == 2
    assert not cells.pixels[:, 0].any()  # of two channels the first plane is black
    assert cells.pixels[:, 1].any()


def test_what_operating_systems_leave_is_no_picture_and_a_missing_channel_is_said(data):
    source = Source(name="found", kind="fields", folder="pairs", pictures=(("*_red.png", "*_green.png"),))
    before = cut(data, source)
    for name in ("._x_red.png", ".y_green.png"):
        (data / "pairs" / name).write_bytes(b"notes of macOS")
    np.testing.assert_array_equal(cut(data, source).pixels, before.pixels)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(data / "pairs" / "z_red.png")
    with pytest.raises(InputError, match=r"2 for '\*_red.png', 1 for '\*_green.png'"):
        cut(data, source)


def test_a_picture_of_one_cell_is_its_middle_square_with_the_class_of_its_name(data):
    (data / "ones").mkdir()
    Image.fromarray(np.full((40, 60, 3), (9, 99, 199), np.uint8)).save(data / "ones" / "blast___1.png")
    cells = cut(data, Source(name="ones", kind="cells", folder="ones", pictures=(("*.png",),)))
    assert cells.labels.tolist() == ["blast"]
    assert (cells.pixels[0, 3] == 255).all()


def test_no_more_than_asked_are_taken_of_an_image(data):
    source = Source(name="known", kind="labelled", folder="set", per_image=1)
    assert len(cut(data, source)) == 1


def test_sources_are_joined_in_order(data):
    known = Source(name="known", kind="labelled", folder="set")
    cells = cut(data, known, Source(name="own", kind="synthetic", n_slides=1, per_image=2))
    assert cells.sources.tolist() == ["known", "known", "own", "own"]


def test_absent_folders_and_pictures_are_named(data):
    with pytest.raises(InputError, match=r"'gone'.*absent"):
        cut(data, Source(name="gone", kind="labelled", folder="nowhere"))
    with pytest.raises(InputError, match=r"nothing in .* fits '\*\.czi'"):
        cut(data, Source(name="gone", kind="fields", folder="pairs", pictures=(("*.czi",),)))


def test_debris_is_left_out(data):
    truth = TRUTH.copy()
    truth[88:92, 4:8] = 3  # 16 px beside cells of some 450 px
    Image.fromarray(truth.astype(np.uint16)).save(data / "set" / "labels" / "a.png")
    assert len(cut(data, Source(name="known", kind="labelled", folder="set"))) == 2


def test_the_seed_decides_which_cells_are_drawn(data):
    source = Source(name="own", kind="synthetic", n_slides=1, per_image=3)
    first, same, other = (cut_sources((source,), data, Classical(), seed=seed).pixels for seed in (0, 0, 7))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_progress_names_the_source(data):
    steps = []
    source = Source(name="known", kind="labelled", folder="set")
    cut_sources((source,), data, Classical(), on_step=lambda step, fraction: steps.append((step, fraction)))
    assert steps == [("Cutting known: known/a", 0.0)]


def test_an_index_cannot_name_pictures_elsewhere(data):
    (data / "elsewhere").mkdir()
    for kind in ("images", "labels"):
        (data / "set" / kind / "a.png").rename(data / f"{kind}.png")
    with (data / "set" / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "split"), ("../../images", "train")])
    with pytest.raises(InputError, match=r"'known/index\.csv' refers to 'images/\.\./\.\./images\.png'"):
        cut(data, Source(name="known", kind="labelled", folder="set"))
