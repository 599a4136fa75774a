"""Three stains are never a photograph, and where nobody knows what they show the command line asks."""

import json

import numpy as np
import pytest
import tifffile

from cellapp.cli import main
from tests.paths import shared_case

WAYS = {
    "pages": {},
    "ome": {"ome": True, "metadata": {"axes": "CYX"}},
    "imagej": {"imagej": True, "metadata": {"axes": "CYX", "mode": "composite"}},
}


def composite(path, nuclei_in: int, *, n_cells: int = 16, n_channels: int = 3, **options):
    """Discs in one channel of several, noise in the others."""
    rng = np.random.default_rng(nuclei_in)
    pixels = rng.normal(600, 40, (n_channels, 256, 256))
    y, x = np.ogrid[:256, :256]
    for i in range(n_cells):
        cy, cx = 32 + 64 * (i // 4), 32 + 64 * (i % 4)
        pixels[nuclei_in] += 15_000 * ((y - cy) ** 2 + (x - cx) ** 2 < 15**2)
    tifffile.imwrite(path, pixels.astype(np.uint16), photometric="minisblack", **options)
    return path


def segmented(capsys, path, out, *options):
    """Return the number of cells and what was said."""
    code = main(["segment", str(path), "--out", str(out), "--json", *options])
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out.splitlines()[-1])["images"][0]["n_cells"], told.err


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("nuclei_in", range(3))
def test_nuclei_are_found_in_whichever_channel_they_are(tmp_path, capsys, way, nuclei_in):
    path = composite(tmp_path / "a.tif", nuclei_in, **WAYS[way])
    n_cells, said = segmented(capsys, path, tmp_path / "out", "--segmenter", "classical")
    assert n_cells == 16
    assert "a: What its 3 channels show is not known (1 channel 1, 2 channel 2, 3 channel 3)" in said


def test_channels_that_are_stated_are_not_asked_for(tmp_path, capsys):
    path = composite(tmp_path / "a.tif", 2)
    for words in ("nucleus=3", "nuclei=3, cytoplasm=2", "dapi=3"):
        _, said = segmented(capsys, path, tmp_path / "out", "--segmenter", "classical", "--channels", words)
        assert "not known" not in said


def test_no_cells_and_no_roles_are_said_together(tmp_path, capsys):
    path = composite(tmp_path / "a.tif", 0, n_cells=0)
    n_cells, said = segmented(capsys, path, tmp_path / "out", "--segmenter", "classical")
    assert n_cells == 0
    assert "a: 0 cells. What its 3 channels show is not known" in said


@pytest.mark.parametrize("name", ["composite.ome.tif", "composite_ij.tif"])
def test_a_composite_of_a_reported_case_has_its_cells(tmp_path, capsys, name):
    path = shared_case("25-composite-not-photo") / name
    assert segmented(capsys, path, tmp_path / "out")[0] == 16
    assert segmented(capsys, path, tmp_path / "out", "--segmenter", "classical")[0] == 16


@pytest.mark.parametrize("channels", [{"nukleus": 3}, {"nucleus": 3, "cytoplasma": 2}, {"a": 1, "b": 1}])
def test_settings_files_take_the_same_words(tmp_path, capsys, channels):
    path = composite(tmp_path / "a.tif", 2)
    (tmp_path / "s.json").write_text(json.dumps({"channels": channels}))
    code = main(["analyse", str(path), "--out", str(tmp_path / "out"), "--settings", str(tmp_path / "s.json")])
    said = capsys.readouterr().err
    assert code == 2
    assert "nearest is" in said or "name the same channel" in said
    assert not (tmp_path / "out").exists()
