"""Classes and groups find their cells whatever order they come in, and what cannot be trained on is said in a line."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.settings import VectorSettings
from cellapp.training.label_sources import labels_by_column
from cellapp.training.labelled_cells import BY_IMAGE, image_names, label_cells
from tests.training.vectors import drawn_images, kinds

CLASSES = {"MCF7": "cancer", "MCF10A": "normal"}


def own(images):
    return {image.name: image.name for image in images}


def test_the_order_of_images_and_cells_does_not_matter():
    images = drawn_images()
    labels, _ = labels_by_column(images, kinds(images), "cell_line", CLASSES)
    first = label_cells(images, labels, own(images), BY_IMAGE)
    turned = []
    for image in reversed(images):
        rows, found = np.arange(len(image.embeddings.cell_ids))[::-1], image.embeddings
        found = replace(found, cls=found.cls[rows], mean_patch=found.mean_patch[rows], cell_ids=found.cell_ids[rows])
        turned.append(replace(image, embeddings=found))
    again = label_cells(turned, labels, own(images), BY_IMAGE)
    assert again.names == first.names
    assert again.digests == first.digests
    assert (list(again.labels), list(again.groups)) == (list(first.labels), list(first.groups))


def test_a_column_labels_every_cell_of_its_images_and_names_the_others():
    images = drawn_images(4)
    values = kinds(images) | {"field_2": "", "field_3": "HeLa"}
    labels, left_out = labels_by_column(images, values, "cell_line", CLASSES)
    assert {name: set(of.values()) for name, of in labels.items()} == {"field_0": {"normal"}, "field_1": {"cancer"}}
    assert left_out == ["field_2: no cell_line", "field_3: 'HeLa' is of no class"]


def test_without_a_mapping_values_are_the_classes():
    images = drawn_images(2)
    labels, _ = labels_by_column(images, kinds(images), "cell_line")
    assert label_cells(images, labels, own(images), BY_IMAGE).classes == ("MCF10A", "MCF7")


def test_single_cells_can_be_labelled_and_others_stay_out():
    images = drawn_images(2)
    labels = {"field_0": {3: "a", 5: "b"}, "field_1": {1: "a", 2: "b", 999: "a", 4: ""}}
    cells = label_cells(images, labels, own(images), BY_IMAGE)
    assert cells.names == ["field_0/3", "field_0/5", "field_1/1", "field_1/2"]
    assert np.array_equal(cells.features[0], images[0].embeddings.features[2])


def test_images_without_a_group_are_left_out_by_name():
    images = drawn_images(4)
    labels, _ = labels_by_column(images, kinds(images), "cell_line")
    groups = {"field_0": "A", "field_1": "A", "field_2": "B"}
    cells = label_cells(images, labels, groups, "batch")
    assert set(cells.groups) == {"A", "B"}
    assert [note.partition(":")[0] for note in cells.left_out] == ["field_3"]
    with pytest.raises(InputError, match="no image has a 'batch'"):
        label_cells(images, labels, {}, "batch")


def test_what_cannot_be_trained_on_is_said_in_a_sentence():
    images = drawn_images(2)
    with pytest.raises(InputError, match="'cell_line' is empty in all 2 images"):
        labels_by_column(images, {"field_0": " "}, "cell_line")
    with pytest.raises(InputError, match="all 24 labelled cells are 'a'"):
        label_cells(images, {one.name: dict.fromkeys(range(1, 13), "a") for one in images}, own(images), BY_IMAGE)
    with pytest.raises(InputError, match="no cell has a label"):
        label_cells(images, {"field_0": {999: "a"}}, own(images), BY_IMAGE)
    with pytest.raises(InputError, match="'b' has one cell"):
        label_cells(images, {"field_0": {1: "a", 2: "a", 3: "b"}}, own(images), BY_IMAGE)
    other = replace(images[1], settings=VectorSettings(encoder="another"))
    labels, _ = labels_by_column(images, kinds(images), "cell_line")
    with pytest.raises(InputError, match="in different ways"):
        label_cells([images[0], other], labels, own(images), BY_IMAGE)


def test_images_of_several_runs_are_told_apart():
    assert image_names([["a", "b"]]) == [["a", "b"]]
    assert image_names([["a"], ["a", "b"]]) == [["1/a"], ["2/a", "2/b"]]
