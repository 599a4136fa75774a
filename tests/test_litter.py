"""What operating systems and editors leave in a folder changes nothing, whichever way the folder comes in."""

import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from cellapp.cli.options import expand_inputs
from cellapp.config import BudgetSettings
from cellapp.encoders.crop_folder import list_crops
from cellapp.errors import InputError
from cellapp.images.archive import extract_images
from cellapp.images.channel_files import group_channel_files
from cellapp.images.read import file_digest, open_slide
from cellapp.segmentation.metrics_files import label_files
from cellapp.training.encoder.crop_dataset import read_crops
from cellapp.training.labelled_crops import read_labelled_crops
from tests.images.formats.test_ome_zarr import write as write_ome_zarr
from tests.paths import shared_case

NOTES = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(80)
PICTURES = (
    *(".ipynb_checkpoints/a-checkpoint.png", ".Trash-1000/files/a.png", "@eaDir/a.png/SYNOPHOTO_THUMB_XL.png"),
    *("__MACOSX/cancer/a.png", "$RECYCLE.BIN/a.png", ".hidden.png"),
    *("@Recycle/a.png", "@Recently-Snapshot/a.png", "RECYCLER/a.png", "Temporary Items/a.png", "~$a.png"),
    *(".hidden/labels.tif", "__MACOSX/labels.tif"),
)
OTHERS = ("._a.png", "__MACOSX/cancer/._a.png", ".DS_Store", "Thumbs.db", "desktop.ini")


def unzip(folder):
    into = folder.parent / "into"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    with zipfile.ZipFile(folder.parent / "all.zip", "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return [path.name for path in extract_images(folder.parent / "all.zip", into, BudgetSettings(max_zip_ratio=1e6))]


WAYS = {
    "embed and predict": list_crops,
    "train": lambda folder: (lambda found: (found.classes, found.files, found.labels))(read_labelled_crops(folder)),
    "pretrain": lambda folder: (lambda found: (found.labels.tolist(), found.groups.tolist()))(read_crops(folder)),
    "score, images": lambda folder: label_files(folder / "cancer"),
    "score, results": lambda folder: label_files(folder / "results"),
    "analyse, a folder": lambda folder: expand_inputs([str(folder / "cancer")]),
    "analyse, a glob": lambda folder: expand_inputs([str(folder / "**" / "*.png")]),
    "analyse, folders by a glob": lambda folder: expand_inputs([str(folder / "*" / "*")]),
    "upload of a zip": unzip,
    "one file per channel": lambda folder: group_channel_files([path.name for path in sorted(folder.rglob("*.png"))]),
}


def picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((12, 10), value, np.uint8) * np.eye(12, 10, dtype=np.uint8)).save(path)


def strew(folder):
    """Put into a folder, and into those below it, what people find there: some of it can be read as an image."""
    for inside in (folder, *[path for path in folder.iterdir() if path.is_dir()]):
        for n, name in enumerate(PICTURES):
            picture(inside / name, 10 + n)
        for name in OTHERS:
            (inside / name).parent.mkdir(parents=True, exist_ok=True)
            (inside / name).write_bytes(NOTES)


@pytest.fixture
def folder(tmp_path):
    """Two classes of two pictures below a hidden folder, and results of two images."""
    top = tmp_path / ".cache" / "crops"
    for n, name in enumerate(["cancer/a_ch1.png", "cancer/a_ch2.png", "normal/c.png", "normal/d.png"]):
        picture(top / name, 50 + n)
    return top


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_means_the_same_with_and_without_litter(folder, way):
    if way == "score, results":
        for n, stem in enumerate("ab"):
            picture(folder / "results" / stem / "labels.tif", n)
    before = WAYS[way](folder)
    strew(folder)
    assert before
    assert WAYS[way](folder) == before


@pytest.mark.parametrize("read", [list_crops, label_files, lambda folder: expand_inputs([str(folder)])])
def test_a_folder_of_litter_alone_is_empty(tmp_path, read):
    (tmp_path / "in").mkdir()
    strew(tmp_path / "in")
    with pytest.raises(InputError, match="no (pictures|label images|images) "):
        read(tmp_path / "in")


def test_named_by_hand_the_content_decides(folder, capsys):
    """A shell's ``*`` names ``Thumbs.db``; an image of a hidden name is meant by whoever writes it out."""
    strew(folder)
    named = ["._a.png", "Thumbs.db", ".hidden.png", "cancer/a_ch1.png"]
    found = expand_inputs([str(folder / name) for name in named])
    assert [path.name for path in found] == [".hidden.png", "a_ch1.png"]
    said = capsys.readouterr().err
    assert "left out ._a.png" in said
    assert "left out Thumbs.db" in said
    with pytest.raises(InputError, match="no images in"):
        expand_inputs([str(folder / "._a.png")])


def test_a_zarr_in_a_zip_keeps_its_own_hidden_files_and_no_others(tmp_path):
    pixels = np.arange(2400, dtype=np.uint16).reshape(2, 30, 40)
    source = write_ome_zarr(tmp_path / "in" / "a.zarr", pixels, "cyx", version="0.4")
    own = {path.relative_to(tmp_path / "in") for path in source.rglob("*") if path.is_file()}
    for name in ("__MACOSX/a.zarr/._zattrs", "__MACOSX/a.zarr/0", "a.zarr/.DS_Store", "a.zarr/._.zattrs"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(NOTES)
    assert unzip(tmp_path / "in") == ["a.zarr"]
    assert {path.relative_to(tmp_path / "into") for path in (tmp_path / "into").rglob("*") if path.is_file()} == own


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_look_into_a_zarr_makes_no_other_image_of_it(tmp_path, version):
    pixels = np.arange(2400, dtype=np.uint16).reshape(2, 30, 40)
    path = write_ome_zarr(tmp_path / "a.zarr", pixels, "cyx", version=version)
    before = file_digest(path)
    for name in (".DS_Store", "0/._0", "Thumbs.db", "__MACOSX/._a"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(NOTES)
    slide = open_slide(path)
    assert slide.digest == before
    np.testing.assert_array_equal(slide.region(), pixels)
    metadata = path / (".zattrs" if version == "0.4" else "zarr.json")
    metadata.write_bytes(metadata.read_bytes() + b" ")
    assert file_digest(path) != before


def test_case_13_appledouble():
    case = shared_case("13-appledouble")
    assert [path.name for path in expand_inputs([str(case / "slides")])] == ["a.tif"]
    assert len(list_crops(case / "crops")) == 8
    found = read_labelled_crops(case / "unzipped")
    assert (found.classes, len(found)) == (("cancer", "normal"), 24)


def test_case_14_ipynb_checkpoints():
    found = read_labelled_crops(shared_case("14-ipynb-checkpoints") / "labelled")
    assert (found.classes, len(found)) == (("cancer", "normal"), 24)


def test_case_21_a_zip_of_a_mac(tmp_path):
    found = extract_images(shared_case("21-names-zips") / "mac.zip", tmp_path, BudgetSettings())
    assert [path.name for path in found] == ["a.tif"]
