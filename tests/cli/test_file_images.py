"""A file of several scenes and time points on the command line: a folder for each, chosen by number."""

import json
import pickle

import pandas as pd
import pytest
import tifffile

from cellapp.cli import main
from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import InputFile
from cellapp.types.image import Selection
from tests.series import write_series

CLASSICAL = ["--segmenter", "classical"]
COUNT = ["--head", "none", *CLASSICAL]


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "plate.ome.tif", times=2)


def files(*paths):
    return [InputFile(path, str(path)) for path in paths]


def run_of(folder):
    return json.loads((folder / "run.json").read_text())


def test_each_image_has_its_folder_and_says_what_it_is_of(series, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["analyse", str(series), "--out", str(out), *COUNT]) == 0
    names = [f"plate__s0{s}_t00{t}" for s in (1, 2) for t in (1, 2)]
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == names
    table = pd.read_csv(out / "summary.csv")
    assert table["image"].tolist() == names
    assert set(table["file"]) == {"plate.ome.tif"}
    assert table["scene"].tolist() == ["well A1"] * 2 + ["well B1"] * 2
    assert table["time"].tolist() == ["00d00h00m", "00d12h00m"] * 2
    said = [run_of(out / name)["input"] for name in names]
    assert {one["file"] for one in said} == {"plate.ome.tif"}
    assert [one["scene"] for one in said] == table["scene"].tolist()
    assert [one["time"] for one in said] == table["time"].tolist()
    assert {one["depth"] for one in said} == {None}, "one plane was not reduced"
    assert len({one["sha256"] for one in said}) == 4
    assert len({one["file_sha256"] for one in said}) == 1
    assert said[0]["sha256"] == said[0]["file_sha256"]
    assert capsys.readouterr().err.count("Traceback") == 0


@pytest.mark.parametrize(
    ("options", "folders"),
    [
        (["--scene", "2"], ["plate__s02_t001", "plate__s02_t002"]),
        (["--time", "2"], ["plate__s01_t002", "plate__s02_t002"]),
        (["--scene", "1", "--time", "1"], ["plate__s01_t001"]),
        (["--scene", "all", "--time", "ALL"], [f"plate__s0{s}_t00{t}" for s in (1, 2) for t in (1, 2)]),
    ],
)
def test_scenes_and_time_points_are_chosen_by_number(series, tmp_path, options, folders):
    out = tmp_path / "out"
    assert main(["segment", str(series), "--out", str(out), *CLASSICAL, *options]) == 0
    assert sorted(path.name for path in out.iterdir()) == folders


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scene", "3"], "2 scenes (well A1, well B1), no scene 3"),
        (["--time", "9"], "2 time points, no time point 9"),
        (["--scene", "0"], "a scene is given by its number from 1, or all; got '0'"),
        (["--time", "first"], "a time point is given by its number from 1, or all; got 'first'"),
        (["--depth", "median"], "depth 'median' is not known"),
    ],
)
@pytest.mark.parametrize("command", [["analyse", *COUNT], ["segment", *CLASSICAL]])
def test_what_is_not_there_ends_with_status_2_and_a_sentence(series, tmp_path, capsys, command, options, words):
    verb, *given = command
    assert main([verb, str(series), "--out", str(tmp_path / "out"), *given, *options]) == 2
    assert words in capsys.readouterr().err


def test_depth_is_reduced_as_asked_and_repeated_from_a_run(tmp_path, capsys):
    stack = write_series(tmp_path / "z.tif", scenes=1, times=1, planes=3)
    first, again = tmp_path / "first", tmp_path / "again"
    assert main(["analyse", str(stack), "--out", str(first), *COUNT, "--depth", "2"]) == 0
    assert "z.tif: Plane 2 of 3 planes of depth is shown and analysed." in capsys.readouterr().err
    assert run_of(first / "z")["input"]["depth"] == "2"
    assert main(["analyse", str(stack), "--out", str(again), "--settings", str(first / "z" / "run.json")]) == 0
    assert run_of(again / "z")["input"] == run_of(first / "z")["input"]
    assert main(["analyse", str(stack), "--out", str(again), *COUNT]) == 0
    assert run_of(again / "z")["input"]["depth"] == "max"


def test_notes_are_told_once_for_each_file(tmp_path, capsys):
    for name in ("a.tif", "b.tif"):
        write_series(tmp_path / name, planes=2)
    list_file_images(
        files(tmp_path / "a.tif", tmp_path / "b.tif"), tmp_path / "out", scene="all", time="all", depth="mean"
    )
    assert capsys.readouterr().err.splitlines() == [
        f"cellapp: {name}: 2 planes of depth are shown and analysed as their mean." for name in ("a.tif", "b.tif")
    ]


def test_resume_keeps_what_is_of_the_same_image_and_rule(tmp_path):
    stack, out = write_series(tmp_path / "z.tif", scenes=1, times=2, planes=2), tmp_path / "out"

    def finished():
        return [run_of(folder)["finished"] + run_of(folder)["input"]["sha256"] for folder in sorted(out.glob("z__t*"))]

    def analyse(*options):
        assert main(["analyse", str(stack), "--out", str(out), *COUNT, "--resume", *options]) == 0
        return [(out / f"z__t00{t}" / "run.json").stat().st_mtime_ns for t in (1, 2)]

    before, was = analyse(), finished()
    assert analyse() == before
    after = analyse("--depth", "mean")
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert not set(finished()) & set(was)


def test_an_image_is_opened_in_another_process(series, tmp_path):
    images = list_file_images(files(series), tmp_path, scene="2", time="all", depth="max")
    opened = [pickle.loads(pickle.dumps(image.open))() for image in images]
    assert [int(slide.region().min()) for slide in opened] == [100, 110]
    assert [image.open.selection for image in images] == [Selection(1, 0), Selection(1, 1)]


def test_names_that_look_like_images_of_a_file_stay_apart(series, tmp_path):
    single = tmp_path / "plate__s01_t001.tif"
    tifffile.imwrite(single, tifffile.imread(series, key=0))
    twin = write_series(tmp_path / "plate.tif", times=1)
    images = list_file_images(files(single, series, twin), tmp_path, scene="all", time="all", depth="max")
    stems = [image.stem for image in images]
    assert len(set(stems)) == len(stems) == 7
    assert stems[0] == "plate__s01_t001"
    assert stems[-2:] == ["plate_2__s01", "plate_2__s02"]


def test_a_file_that_cannot_be_read_stops_no_other(series, tmp_path, capsys):
    (tmp_path / "broken.tif").write_bytes(b"II*\x00\x08\x00\x00\x00")
    out = tmp_path / "out"
    assert main(["analyse", str(tmp_path / "broken.tif"), str(series), "--out", str(out), "--time", "1", *COUNT]) == 1
    assert len(list(out.glob("plate__*"))) == 2
    assert "cellapp: broken: 'broken.tif'" in capsys.readouterr().err
