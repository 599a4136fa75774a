"""Zips of reported cases by command line and API: litter is passed over, a Zarr opens, results name their file."""

import json
import zipfile

import pytest

from cellapp.files import clean_name, is_litter
from tests.cases.told import client, command, post
from tests.paths import shared_case

CLASSICAL = ["--segmenter", "classical"]
ZIPS = ["mac.zip", "zarr_inside.zip", "names.zip"]  # siblings are drawn in tests/images/test_archive.py


@pytest.mark.parametrize("name", ZIPS)
def test_case_21_zips_are_unpacked(tmp_path, name):
    path = shared_case("21-names-zips") / name
    status, lines, said = command("segment", path, "--out", tmp_path / "out", "--json", *CLASSICAL)
    assert status == 0, said
    rows = json.loads(lines[-1])["images"]
    assert {row["n_cells"] for row in rows} == {16}
    with client(tmp_path / "home") as given:
        answer = post(given, path)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    if name == "zarr_inside.zip":
        assert (len(rows), len(told["images"])) == (1, 1)
        return
    with zipfile.ZipFile(path) as bundle:
        files = {clean_name(member) for member in bundle.namelist() if not is_litter(member)}
    assert {row["file"] for row in rows} == files
    said = [told["name"], *told["notes"]]  # pictures of the same bytes are one image, and each name is told
    assert all(any(file in text for text in said) for file in files)


def test_case_21_odd_names_keep_results_apart_and_traceable(tmp_path):
    with zipfile.ZipFile(shared_case("21-names-zips") / "names.zip") as bundle:
        bundle.extractall(tmp_path / "names")
    status, lines, said = command("segment", tmp_path / "names", "--out", tmp_path / "out", "--json", *CLASSICAL)
    assert status == 0, said
    rows = json.loads(lines[-1])["images"]
    assert len({row["image"].lower() for row in rows}) == len(rows) == 9
    assert {row["file"] for row in rows} == {path.name for path in (tmp_path / "names").iterdir()}
