import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellapp.cells.crop import crop
from cellapp.errors import InputError
from cellapp.exports.explanations import (
    BAR_PX,
    GAP_PX,
    SIDE_PX,
    STORED,
    draw_explanation,
    maps_path,
    read_explanation_summary,
    read_maps,
    stored_maps,
    summary_path,
    write_explanations,
    write_maps,
)
from cellapp.exports.tables import write_cells
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropMode, CropSettings
from tests.exports.toy import CHANNELS, toy_analysis


def made(tmp_path, n=3, mode=CropMode.MASKED):
    analysis, slide = toy_analysis(9, explained=n)
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    cells = analysis.cells.loc[analysis.explanations.cell_ids[::-1]]
    crops = crop(slide, analysis.mask, cells, CropSettings(mode=mode), channels=CHANNELS)
    return analysis.explanations, crops, style, tmp_path / "explanations"


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("mode", list(CropMode))
def test_one_picture_per_cell_and_all_numbers(tmp_path, n, mode):
    explanations, crops, style, folder = made(tmp_path, n, mode)
    write_explanations(explanations, crops, folder, style=style)
    assert {p.name for p in folder.iterdir()} == {"maps.npz", *(f"{i}.png" for i in explanations.cell_ids)}
    with np.load(folder / "maps.npz", allow_pickle=False) as held:
        np.testing.assert_array_equal(held["maps"], explanations.maps)
        np.testing.assert_array_equal(held["cell_ids"], explanations.cell_ids)
        np.testing.assert_allclose(held["maps"].sum((1, 2)) + held["rest"], held["logits"], rtol=1e-5)
        assert (str(held["target"]), str(held["method"])) == ("cancer", "hirescam")


def test_all_cells_share_one_scale():
    analysis, _ = toy_analysis(9, explained=2)
    maps = np.stack([np.full((4, 5), 1.0), np.full((4, 5), 0.5)]).astype(np.float32)
    both = replace(analysis.explanations, maps=maps)
    strong, weak = (draw_explanation(both, row, np.zeros((9, 9, 3), np.uint8)) for row in (0, 1))
    start = SIDE_PX + GAP_PX
    assert strong[5, start + 5].tolist() == [213, 94, 0]
    assert weak[5, start + 5].tolist() == [234, 174, 128]
    bar = slice(start + SIDE_PX + GAP_PX, start + SIDE_PX + GAP_PX + BAR_PX)
    np.testing.assert_array_equal(strong[:SIDE_PX, bar], weak[:SIDE_PX, bar])


def test_silent_map_is_white_and_hides_nothing():
    analysis, _ = toy_analysis(9, explained=1)
    silent = replace(analysis.explanations, maps=np.zeros((1, 4, 5), np.float32))
    picture = draw_explanation(silent, 0, np.full((8, 8, 3), 77, np.uint8))[:SIDE_PX]
    assert (picture[:, SIDE_PX + GAP_PX : 2 * SIDE_PX + GAP_PX] == 255).all()
    assert (picture[:, -SIDE_PX:] == 77).all()


def test_pictures_are_of_the_cell_they_are_named_after(tmp_path):
    explanations, crops, style, folder = made(tmp_path)
    write_explanations(explanations, crops, folder, style=style)
    wanted = draw_explanation(explanations, 0, style.show(crops.pixels[-1]))
    np.testing.assert_array_equal(np.asarray(Image.open(folder / f"{explanations.cell_ids[0]}.png")), wanted)


def test_crops_of_other_cells_are_refused(tmp_path):
    explanations, crops, style, folder = made(tmp_path)
    with pytest.raises(InputError, match="has none"):
        write_explanations(explanations, replace(crops, cell_ids=crops.cell_ids + 100), folder, style=style)
    assert not folder.exists()


def test_maps_come_back_as_they_were(tmp_path):
    explanations, *_ = made(tmp_path)
    again = read_maps(write_maps(explanations, tmp_path / "maps.npz"))
    for name in STORED:
        np.testing.assert_array_equal(getattr(again, name), getattr(explanations, name))


@pytest.mark.parametrize("content", [None, b"", b"PK\x05\x06" + 18 * b"\0", b"PK\x03\x04cut off"])
def test_what_holds_no_maps_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "maps.npz").write_bytes(content)
    with pytest.raises(InputError, match="holds no maps of cells"):
        read_maps(tmp_path / "maps.npz")


def test_maps_are_stored_by_class_even_where_names_of_files_meet(tmp_path):
    explanations, *_ = made(tmp_path)
    assert stored_maps(tmp_path, "cancer") is None
    write_maps(explanations, maps_path(tmp_path, "cancer"))
    np.testing.assert_array_equal(stored_maps(tmp_path, "cancer").maps, explanations.maps)
    assert maps_path(tmp_path, "cancer?") == maps_path(tmp_path, "cancer")
    assert stored_maps(tmp_path, "cancer?") is None


@pytest.fixture
def summarised(tmp_path):
    """A run of two images whose summary for "cancer" is younger than their labels."""
    for n, stem in enumerate(("a", "b")):
        (tmp_path / stem).mkdir()
        (tmp_path / stem / "labels.tif").touch()
        os.utime(tmp_path / stem / "labels.tif", (n, n))
    table = pd.DataFrame({"target": "cancer", "share": [0.25]}, index=pd.Index([1], name="cell_id"))
    os.utime(write_cells(table, summary_path(tmp_path, "cancer")), (10, 10))
    return tmp_path, table


def test_a_summary_is_read_for_its_class(summarised):
    folder, table = summarised
    found = read_explanation_summary(folder, ["a", "b"], "cancer")
    pd.testing.assert_frame_equal(found[list(table.columns)], table)
    assert read_explanation_summary(folder, ["a", "b"], "normal") is None
    assert read_explanation_summary(folder, ["a", "b"], "cancer?") is None


@pytest.mark.parametrize("stem", ["a", "b"])
def test_a_summary_counts_no_more_once_an_image_is_segmented_again(summarised, stem):
    folder, _ = summarised
    os.utime(folder / stem / "labels.tif", (11, 11))
    assert read_explanation_summary(folder, ["a", "b"], "cancer") is None
    others = [name for name in ("a", "b") if name != stem]
    assert read_explanation_summary(folder, others, "cancer") is not None
