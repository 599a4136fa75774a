import shutil

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.encoders.crop_folder import embed_folder, encoder_batches, left_out, list_crops, prediction_table
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.settings import PreprocessSettings
from cellapp.types.cells import Predictions

pytestmark = pytest.mark.slow


@pytest.fixture
def crops(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(7):
        folder = tmp_path / ("cancer" if n % 2 else "normal")
        folder.mkdir(exist_ok=True)
        tifffile.imwrite(
            folder / f"{n}.tif", rng.integers(0, 4000, (3, 20 + n, 30)).astype(np.uint16), photometric="minisblack"
        )
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_pictures_are_found_in_subfolders_in_one_order(crops):
    names = [path.relative_to(crops).as_posix() for path in list_crops(crops)]
    assert names == sorted(names)
    assert len(names) == 7


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures in"):
        list_crops(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        list_crops(tmp_path / "nowhere")


def test_a_link_to_a_picture_elsewhere_is_refused_and_one_within_is_not(tmp_path, crops):
    (tmp_path / "mine").mkdir()
    inside = next(iter(list_crops(crops)))
    (crops / f"again{inside.suffix}").symlink_to(inside)
    assert len(list_crops(crops)) == 8
    (tmp_path / "mine" / "secret.png").symlink_to(inside)
    with pytest.raises(InputError, match=r"'secret\.png' leads out of the folder 'mine'"):
        list_crops(tmp_path / "mine")


@pytest.mark.parametrize("batch", [1, 3, 7, 64])
def test_batches_do_not_matter(crops, batch):
    paths = list_crops(crops)
    parts = list(encoder_batches(paths, PreprocessSettings(), 32, batch=batch))
    assert np.concatenate([rows for _, rows in parts]).tolist() == list(range(7))
    whole = np.concatenate([pixels for pixels, _ in parts])
    expected, _ = next(encoder_batches(paths, PreprocessSettings(), 32))
    np.testing.assert_array_equal(whole, expected)
    assert whole.shape == (7, 3, 32, 32)
    assert whole.min() >= 0
    assert whole.max() <= 1


def test_a_vector_depends_on_its_picture_alone(crops):
    paths, encoder = list_crops(crops), load_model("cell-vit", dtype="float32")
    many = embed_folder(paths, encoder, PreprocessSettings())
    for row in (0, 4):
        alone = embed_folder([paths[row]], encoder, PreprocessSettings())
        np.testing.assert_allclose(alone.features[0], many.features[row], atol=1e-4)


@pytest.mark.parametrize("bad", [[0], [6], [2, 3], [0, 1, 2, 3, 4, 5]])
def test_pictures_that_cannot_be_read_are_named_and_the_others_keep_their_vectors(crops, bad):
    paths, encoder = list_crops(crops), load_model("cell-vit", dtype="float32")
    whole, unreadable = embed_folder(paths, encoder, PreprocessSettings()), {}
    for row in bad:
        content = paths[row].read_bytes()
        paths[row].write_bytes(content[: len(content) // 2])
    good = embed_folder(paths, encoder, PreprocessSettings(), unreadable)
    assert good.cell_ids.tolist() == [row for row in range(7) if row not in bad]
    np.testing.assert_allclose(good.features, whole.features[good.cell_ids], atol=1e-4)
    for row, sentence in zip(bad, left_out(unreadable, crops), strict=True):
        assert sentence.startswith(f"{paths[row].relative_to(crops).as_posix()}: '{paths[row].name}' is cut off")


def test_without_a_place_for_reasons_a_bad_picture_stops_the_reading(crops):
    list_crops(crops)[3].write_bytes(b"no picture")
    with pytest.raises(InputError, match="not an image"):
        list(encoder_batches(list_crops(crops), PreprocessSettings(), 32))


def test_nothing_but_bad_pictures_is_refused_with_the_first_reason(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"none of 2 pictures can be read; first reason: 'a\.png'"):
        embed_folder(list_crops(tmp_path), load_model("cell-vit"), PreprocessSettings(), {})


@settings(max_examples=25)
@given(st.integers(0, 6), st.integers(2, 4))
def test_the_table_has_a_row_per_file_whose_probabilities_sum_to_one(n, n_classes):
    from pathlib import Path

    p = np.random.default_rng(n).dirichlet(np.ones(n_classes), n).reshape(n, n_classes)
    flags = np.zeros(n, bool)
    classes = tuple(f"class{k}" for k in range(n_classes))
    predictions = Predictions(p, classes, np.arange(n, dtype=np.int32), flags, flags, "head@1", True)
    table = prediction_table(predictions, [Path(f"{row}.png") for row in range(n)])
    assert table.columns.tolist() == ["file", "label", *(f"p_{c}" for c in classes), "unsure", "unlike_training"]
    assert table["file"].tolist() == [f"{row}.png" for row in range(n)]
    np.testing.assert_allclose(table[[f"p_{c}" for c in classes]].sum(axis=1), 1)


@pytest.mark.parametrize("above", ["", "slide 1"])
def test_of_exported_crops_the_raw_ones_are_read(crops, above):
    """crops.zip has each cell twice, the second time with its outline drawn on it: that is no picture of a cell."""
    folder = crops / above
    before = list_crops(crops)
    for name in ("raw", "annotated"):
        (folder / name).mkdir(parents=True)
        shutil.copy(before[0], folder / name / f"1{before[0].suffix}")
    assert len(list_crops(crops)) == len(before) + 2, "without a manifest these are folders like any other"
    (folder / "manifest.csv").write_text("file,annotated\n")
    added = set(list_crops(crops)) - set(before)
    assert {path.parent.name for path in added} == {"raw"}
