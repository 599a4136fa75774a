"""Plates over HTTP: a layout kept with a run, its treatments compared, and the files of the command line."""

import json

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.store import images, runs
from tests.pages.plates import LAYOUT, seed_plate

FEW = {"min_cells": 5}


@pytest.fixture
def client():
    return TestClient(api)


def put(client, run, text=LAYOUT):
    return client.put(f"/runs/{run.id}/layout", files={"file": ("plate.csv", text.encode())})


def test_the_answer_and_the_files_are_those_of_the_command_line(client, home, tmp_path, capsys):
    run = seed_plate(tmp_path)
    assert put(client, run).json() == {"n_wells": 6, "treatments": ["DMSO", "drug"]}
    answer = client.get(f"/runs/{run.id}/screen", params=FEW).json()
    assert [(row["treatment"], row["dose"], row["hit"]) for row in answer["hits"]] == [("drug", 1, "lower")]
    layout, folder = tmp_path / "layout.csv", str(runs.run_folder(run.id))
    layout.write_text(LAYOUT)
    words = ["screen", folder, "--plate", str(layout), "--out", str(tmp_path / "out"), "--min-cells", "5", "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert {name: said[name] for name in said if name != "out"} == answer
    for name in ("wells.csv", "effects.csv", "dose_response.csv", "screen.json"):
        served = client.get(f"/runs/{run.id}/screen/{name}", params=FEW)
        assert served.content == (tmp_path / "out" / name).read_bytes()
    assert "plotly" in client.get(f"/runs/{run.id}/screen/screen.html", params=FEW).text


def test_the_table_of_images_serves_where_no_layout_was_given(client, home, tmp_path):
    run = seed_plate(tmp_path)
    assert "fill the column treatment" in client.get(f"/runs/{run.id}/screen").json()["error"]
    for image in run.images:
        treatment = {"treatment": "DMSO"} if "_A" in image.stem else {"treatment": "drug", "dose": "1 uM"}
        images.set_conditions(image.image_id, treatment)
    by_table = client.get(f"/runs/{run.id}/screen", params={**FEW, "control": "DMSO"}).json()
    put(client, run)
    by_layout = client.get(f"/runs/{run.id}/screen", params=FEW).json()
    assert by_table["effects"] == by_layout["effects"]
    client.delete(f"/runs/{run.id}/layout")
    assert client.get(f"/runs/{run.id}/screen", params={**FEW, "control": "DMSO"}).json() == by_table


def test_a_table_that_is_no_layout_is_refused_and_the_earlier_one_stays(client, home, tmp_path):
    run = seed_plate(tmp_path)
    put(client, run)
    refused = put(client, run, "well,treatment\nX99,drug\n")
    assert refused.status_code == 422
    assert "line 2: 'X99' is no well" in refused.json()["error"]
    assert str(tmp_path) not in refused.text
    assert client.get(f"/runs/{run.id}/screen", params=FEW).status_code == 200


@pytest.mark.parametrize("query", [{"measure": "no such"}, {"control": "water"}, {"alpha": 7}, {"min_cells": 0}])
def test_choices_that_cannot_be_are_refused_in_a_sentence(client, home, tmp_path, query):
    run = seed_plate(tmp_path)
    put(client, run)
    answer = client.get(f"/runs/{run.id}/screen", params=query)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("name", ["layout.csv", "run.json", "..%2Flayout.csv"])
def test_other_files_are_not_served(client, home, tmp_path, name):
    run = seed_plate(tmp_path)
    put(client, run)
    assert client.get(f"/runs/{run.id}/screen/{name}").status_code == 404
