"""Zips, sets, files per channel, tiles, and pairs of reference and target on the command line."""

import json
import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.cli import main
from cellapp.files import clean_name
from cellapp.images.read import open_slide
from tests.paths import shared_case, shared_data

COUNT = ["--segmenter", "classical"]


def field(cells=((16, 16), (16, 44), (44, 30)), size=64, value=180):
    """Discs of 14 px on 20, softly edged."""
    rows, columns = np.indices((size, size))
    pixels = np.full((size, size), 20.0)
    for y, x in cells:
        pixels += (value - 20) / (1 + np.exp(np.hypot(rows - y, columns - x) - 7))
    return pixels.astype(np.uint8)


def write(folder, **pixels):
    folder.mkdir(exist_ok=True)
    for name, values in pixels.items():
        tifffile.imwrite(folder / f"{name}.tif", values)
    return folder


def segment(tmp_path, *given, out="out"):
    status = main(["segment", *map(str, given), "--out", str(tmp_path / out), *COUNT, "--json"])
    return status, tmp_path / out


def rows(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_zip_gives_what_its_files_give(tmp_path, capsys):
    folder = write(tmp_path / "in", a=field(), b=field(((20, 20),)))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("a.tif", "b.tif"):
            archive.write(folder / name, f"day 1/{name}")
        archive.writestr("day 1/._a.tif", b"\0\5\x16\7")
        archive.writestr("readme.txt", "words")
    loose, _ = segment(tmp_path, folder), capsys.readouterr()
    status, out = segment(tmp_path, tmp_path / "all.zip", out="zipped")
    told = capsys.readouterr()
    assert status == loose[0] == 0
    assert "left out, as no image that can be read: 'readme.txt'" in told.err
    assert sorted(path.name for path in out.iterdir()) == ["a", "b"], "nothing that was unpacked stays"
    for name in ("a", "b"):
        same = [(where / name / "labels.tif").read_bytes() for where in (out, loose[1])]
        assert same[0] == same[1]


def test_a_zip_that_cannot_be_unpacked_is_told_and_the_others_are_done(tmp_path, capsys):
    folder = write(tmp_path / "in", a=field())
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 cut off")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "words")
    status, out = segment(tmp_path, tmp_path / "empty.zip", folder / "a.tif", tmp_path / "bad.zip")
    found = rows(capsys)
    assert status == 1
    assert [row["image"] for row in found["images"]] == ["a"]
    assert "'empty.zip' has no image in it" in found["failed"]["empty.zip"]
    assert "bad.zip" in found["failed"]
    assert not (out / "bad").exists()
    assert segment(tmp_path, tmp_path / "empty.zip")[0] == 2


def test_case_21_names_of_a_zip_stay_traceable(tmp_path, capsys):
    path = shared_case("21-names-zips") / "names.zip"
    assert main(["analyse", str(path), "--out", str(tmp_path / "out"), *COUNT, "--head", "none"]) == 0
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    with zipfile.ZipFile(path) as archive:
        names = {clean_name(name) for name in archive.namelist()}
    assert {file.removeprefix("'") for file in table["file"]} == names, "'-dash is safe in a spreadsheet"
    assert table["image"].is_unique
    assert set(table["n_cells"]) == {16}
    assert {row.image for row in table.itertuples() if "tubulin" in row.file} == {"tubulin", "tubulin_2"}


@pytest.mark.parametrize("given", ["", "*", "cells_c1.ome.tif"])
def test_case_09_a_set_is_one_image_of_two_channels_once(tmp_path, capsys, given):
    folder = shared_case("09-ome-multifile") / "set"
    assert main(["analyse", str(folder / given), "--out", str(tmp_path / "out"), *COUNT, "--head", "none"]) == 0
    (row,) = pd.read_csv(tmp_path / "out" / "summary.csv").itertuples()
    assert (row.image, row.n_cells) == ("cells_c0", 16)
    assert len(json.loads((tmp_path / "out" / "cells_c0" / "run.json").read_text())["image"]["channels"]) == 2


def test_case_09_a_lone_file_names_the_one_that_is_missing(tmp_path, capsys):
    assert segment(tmp_path, shared_case("09-ome-multifile") / "lone")[0] == 2
    assert "'cells_c1.ome.tif'" in capsys.readouterr().err


def test_files_of_one_channel_each_are_told_and_become_one_image_on_request(tmp_path, capsys):
    folder = write(tmp_path / "in", s1_DAPI=field(), s1_GFP=field(value=90), other=field())
    assert segment(tmp_path, folder)[0] == 0
    assert "s1_DAPI.tif and 1 more look like one image, a file per channel: --combine" in capsys.readouterr().err
    assert main(["analyse", str(folder), "--out", str(tmp_path / "one"), *COUNT, "--head", "none", "--combine"]) == 0
    cells = pd.read_csv(tmp_path / "one" / "s1" / "cells.csv")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["other", "s1", "summary.csv"]
    assert {"intensity_mean_DAPI", "intensity_mean_GFP"} <= set(cells)
    assert len(cells) == 3


def test_nothing_to_put_together_is_said(tmp_path, capsys):
    folder = write(tmp_path / "in", a=field(), b=field())
    assert segment(tmp_path, folder, "--combine")[0] == 2
    assert "--combine: no files of 2 differ only in a channel mark" in capsys.readouterr().err
    assert segment(tmp_path, folder, "--combine", "--join-tiles")[0] == 2
    assert "not both" in capsys.readouterr().err


def test_tiles_are_told_joined_on_request_and_the_missing_one_is_named(tmp_path, capsys):
    whole = field(((10, 32), (32, 32), (54, 12)))  # the second cell lies on all four tiles
    tiles = {f"tile_{y}_{x}": whole[32 * y : 32 * y + 32, 32 * x : 32 * x + 32] for y in (0, 1) for x in (0, 1)}
    folder = write(tmp_path / "in", **tiles)
    tifffile.imwrite(tmp_path / "whole.tif", whole)
    segment(tmp_path, folder)
    assert "and 3 more look like tiles of one image, 2 x 2: --join-tiles" in capsys.readouterr().err
    assert segment(tmp_path, folder, "--join-tiles", out="joined")[0] == 0
    assert "overlaps are not looked for" in capsys.readouterr().err
    assert segment(tmp_path, tmp_path / "whole.tif", out="whole")[0] == 0
    joined, expected = (tifffile.imread(tmp_path / path / "labels.tif") for path in ("joined/tile", "whole/whole"))
    np.testing.assert_array_equal(joined, expected)
    (folder / "tile_1_0.tif").unlink()
    assert segment(tmp_path, folder, "--join-tiles", out="less")[0] == 2
    assert "lacks tiles: 'tile_1_0.tif'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "option", "shape"), [("tile_grid", "--join-tiles", 2), ("tiff_per_channel", "--combine", 3)]
)
def test_instrument_files_in_parts_become_one_image(tmp_path, name, option, shape):
    folder = shared_data(f"instrument_files/{name}")
    out = tmp_path / "out"
    assert main(["analyse", str(folder), "--out", str(out), *COUNT, "--head", "none", option]) == 0
    (run,) = out.glob("*/run.json")
    assert len(json.loads(run.read_text())["image"]["channels"]) == shape


def test_a_reference_is_segmented_in_place_of_the_image_of_its_name(tmp_path, capsys):
    images = write(tmp_path / "in", a=field(value=90), b=field(((40, 40),)))
    references = write(tmp_path / "ref", a=field(((30, 30),)), b=field(((10, 10), (40, 40))), unused=field())
    given = [str(images), "--reference", str(references)]
    assert main(["analyse", *given, "--out", str(tmp_path / "out"), *COUNT, "--head", "none"]) == 0
    table = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("image")
    assert table["n_cells"].to_dict() == {"a": 1, "b": 2}
    said = json.loads((tmp_path / "out" / "a" / "run.json").read_text())["input"]
    digests = [open_slide(folder / "a.tif").digest for folder in (images, references)]
    assert [said["sha256"], said["reference_sha256"]] == digests
    assert segment(tmp_path, *given, out="masks")[0] == 0
    same = [tifffile.imread(tmp_path / out / "b" / "labels.tif") for out in ("out", "masks")]
    np.testing.assert_array_equal(*same)
    capsys.readouterr()
    (references / "b.tif").unlink()
    assert segment(tmp_path, *given)[0] == 2
    assert "has no image of the name of 'b.tif'" in capsys.readouterr().err


def test_one_reference_for_one_image_needs_no_name(tmp_path, capsys):
    folder = write(tmp_path / "in", target=field(), nuclei=field(((30, 30),)))
    given = [folder / "target.tif", "--reference", folder / "nuclei.tif"]
    assert segment(tmp_path, *given)[0] == 0
    expected = {"image": "target", "file": "target.tif", "scene": "", "time": "", "n_cells": 1}
    assert expected.items() <= rows(capsys)["images"][0].items()
    write(folder, nuclei=field(size=80))
    assert segment(tmp_path, *given)[0] == 2
    assert "must have the same height and width" in capsys.readouterr().err


def test_what_opens_an_image_goes_to_other_processes(tmp_path):
    from cellapp.cli.run_items import run_items

    folder = write(tmp_path / "in", s_DAPI=field(), s_GFP=field())
    with run_items(
        [str(folder)],
        tmp_path / "out",
        scene="all",
        time="all",
        depth="max",
        combine=True,
        join_tiles=False,
        reference=folder,
    ) as items:
        (item,) = pickle.loads(pickle.dumps(items))
        assert item.open().digest == item.open_target().digest
        assert item.open_target().info.channels == ("DAPI", "GFP")


def unreadable(monkeypatch, name):
    """Have the system refuse one file; the tests may run as somebody who may read all."""
    really = os.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, *args, **kwargs)

    monkeypatch.setattr("io.open", _refusing(open, name))
    monkeypatch.setattr("builtins.open", _refusing(open, name))
    monkeypatch.setattr(os, "open", refuse)


def _refusing(really, name):
    def refuse(path, *args, **kwargs):
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, *args, **kwargs)

    return refuse


@pytest.mark.parametrize("verb", [["segment"], ["analyse", "--head", "none"]])
def test_a_file_without_permission_is_named_and_the_others_are_done(tmp_path, capsys, monkeypatch, verb):
    folder = write(tmp_path / "in", a=field(), b=field(), c=field())
    unreadable(monkeypatch, "b.tif")
    assert main([*verb, str(folder), "--out", str(tmp_path / "out"), *COUNT, "--json"]) == 1
    told = capsys.readouterr()
    assert "'b.tif' cannot be read (permission denied)" in told.err
    assert [row["image"] for row in json.loads(told.out.splitlines()[-1])["images"]] == ["a", "c"]
    assert main([*verb, str(folder / "b.tif"), "--out", str(tmp_path / "none"), *COUNT]) == 2


def test_a_link_that_leads_out_of_the_folder_is_named_and_the_others_are_done(tmp_path, capsys):
    write(tmp_path / "elsewhere", secret=field())
    folder = write(tmp_path / "in", a=field())
    (folder / "b.tif").symlink_to(tmp_path / "elsewhere" / "secret.tif")
    (folder / "c.tif").symlink_to(folder / "a.tif")
    assert main(["segment", str(folder), "--out", str(tmp_path / "out"), *COUNT, "--json"]) == 1
    told = capsys.readouterr()
    assert "'b.tif' leads out of the folder 'in'; put a copy in place of the link" in told.err
    assert [row["image"] for row in json.loads(told.out.splitlines()[-1])["images"]] == ["a", "c"]
    assert main(["segment", str(folder / "b.tif"), "--out", str(tmp_path / "named"), *COUNT]) == 0  # it is meant


@pytest.mark.parametrize("name", ["x" * 300 + ".tif", "loop.tif"])
def test_errors_of_the_system_are_one_sentence(tmp_path, capsys, name):
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    assert segment(tmp_path, tmp_path / name)[0] == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("cellapp: "))
    assert ".tif" in line
