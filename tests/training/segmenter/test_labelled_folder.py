"""Any folder of images and labels is read; groups stay on one side; a folder without labels is refused."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.errors import InputError
from cellapp.training.segmenter.labelled_folder import own_images, split_by_group
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.own_sources import require_images
from cellapp.training.segmenter.source_images import read_labelled_images

LABELS = np.zeros((20, 24), np.uint16)
LABELS[4:12, 4:12] = 1


def put(folder, *files):
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = LABELS if any(word in file for word in ("label", "mask", "truth", "seg")) else LABELS * 200
        if path.suffix == ".npy":
            np.save(path, {"masks": pixels})
        elif path.suffix == ".png":
            Image.fromarray(pixels).save(path)
        else:
            tifffile.imwrite(path, pixels)


@pytest.mark.parametrize(
    "files",
    [
        ["images/a.tif", "labels/a.png", "images/b.tif", "labels/b.tif", "images/c.tif"],
        ["images/a.tif", "masks/a_masks.tif", "images/b.ome.tif", "masks/b_seg.npy"],
        ["a.tif", "a_seg.npy", "b.png", "b_cp_masks.png", "c.tif"],
    ],
)
def test_layouts_are_told_by_their_names(files, tmp_path):
    put(tmp_path, *files)
    images = own_images(tmp_path)
    assert [image.name for image in images] == ["a", "b"]
    for image in images:
        shape = image.open().info.shape[1:]
        assert (image.read_labels(shape) == LABELS).all()


def test_sub_folders_are_groups_and_an_index_says_groups_and_splits(tmp_path):
    put(
        tmp_path,
        "one/images/a.tif",
        "one/labels/a.tif",
        "two/a.tif",
        "two/a_masks.tif",
        "three/x/a.tif",
        "three/l_a.tif",
    )
    (tmp_path / "three" / "index.csv").write_text(
        "image,labels,group,split,type\nx/a.tif,l_a.tif,dish,val,brightfield_gray\n"
    )
    put(tmp_path / "three", "labels/unused.tif")
    assert {(image.name, image.group, image.split, image.kind) for image in own_images(tmp_path)} == {
        ("one/a", "one", "", ""),
        ("two/a", "two", "", ""),
        ("three/dish/a", "three/dish", "val", "brightfield_gray"),
    }


@pytest.mark.parametrize("files", [[], ["a.tif", "b.tif"], ["images/a.tif", "labels/z.txt"]])
def test_a_folder_without_labels_is_refused(files, tmp_path):
    put(tmp_path, *[file for file in files if not file.endswith("txt")])
    with pytest.raises(InputError, match="no image with labels"):
        require_images(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_groups_are_held_out_whole_and_the_same_each_time(share, tmp_path):
    put(tmp_path, *[f"{group}/{name}{end}.tif" for group in "wxyz" for name in "ab" for end in ("", "_masks")])
    images = own_images(tmp_path)
    training, held = split_by_group(images, share)
    sides = [{image.group for image in side} for side in (training, held)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set("wxyz")
    assert bool(held) == (share > 0)
    again = split_by_group(own_images(tmp_path)[::-1], share)[1]
    assert {image.name for image in again} == {image.name for image in held}


def test_a_split_through_a_group_is_refused(tmp_path):
    put(tmp_path, "images/a.tif", "labels/a.tif", "images/b.tif", "labels/b.tif")
    index = tmp_path / "index.csv"
    index.write_text("file,group,split\na.tif,g,train\nb.tif,g,val\n")
    with pytest.raises(InputError, match="give each group one split"):
        split_by_group(own_images(tmp_path))
    index.write_text("file,split\na,val\nb,val\n")
    with pytest.raises(InputError, match="none is left"):
        split_by_group(own_images(tmp_path))
    index.write_text("file,split\n../a.tif,val\n")
    with pytest.raises(InputError, match="not a file in its own folder|folder"):
        own_images(tmp_path)


def test_a_recipe_reads_them_too(tmp_path):
    put(tmp_path, *[f"images/{name}.tif" for name in "abcd"], *[f"labels/{name}.tif" for name in "abcd"])
    names = {split: {image.name for image in read_labelled_images(tmp_path, split, 0)} for split in ("train", "val")}
    assert (len(names["train"]), len(names["val"])) == (3, 1)
    image = next(read_labelled_images(tmp_path, "train", 0))
    assert image.kind is Kind.FLUORESCENCE
    assert (image.labels == LABELS).all()
