"""Edits over HTTP and by command are one thing: the same sentence, the same refusals, the same list."""

import json

import pytest

from cellapp.auth.tile_pass import make_pass
from cellapp.cli import main
from cellapp.exports.tables import read_cells
from cellapp.jobs import queue
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def run(tmp_path):
    return seed_run([seed_image(tmp_path)], head=None, n_cells=5)


def address(run):
    return f"/runs/{run.id}/images/{run.images[0].image_id}/edits"


def test_page_command_and_http_make_the_same_edits(client, run, tmp_path, capsys):
    sent = {"edits": [{"kind": "merge", "cells": [2, 3]}], "who": "Ada", "seen": 0}
    answer = client.post(address(run), json=sent)
    assert answer.status_code == 201
    assert answer.json()["done"] == ["Cells 2 and 3 merged into 2"]
    assert (answer.json()["changed"], answer.json()["gone"]) == ([2], [3])
    assert queue.get_job(answer.json()["job"]).kind == "edited"
    assert client.post(address(run), json=sent | {"edits": [{"kind": "grow", "cells": [1]}]}).json()["number"] == 2
    waiting = [job for job in queue.list_jobs(run.project_id) if job.kind == "edited"]
    assert len(waiting) == 1, "one job follows them all"
    edits = tmp_path / "edits.json"
    edits.write_text(json.dumps([{"kind": "undo"}, {"kind": "undo"}]))
    assert main(["edit", run.id, str(edits), "--who", "Ada", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["done"] == ["Undone: cell 1 grown by a pixel", "Undone: cells 2 and 3 merged into 2"]
    listed = client.get(address(run)).json()
    assert [(one["kind"], one["number"], one["in_force"]) for one in listed["edits"]] == [
        ("merge", 1, False),
        ("grow", 2, False),
        ("undo", 3, False),
        ("undo", 4, False),
    ]
    assert [one.get("of") for one in listed["edits"]] == [None, None, 2, 1]
    assert listed["number"] == 4
    assert read_cells(runs.run_folder(run.id) / run.images[0].stem / "cells.parquet").index.tolist() == [1, 2, 3, 4, 5]


REFUSED = [
    ({"kind": "melt"}, "an edit is an object with a kind, one of draw"),
    ({"kind": "merge", "cells": [1]}, "to merge takes 2 or more ids"),
    ({"kind": "draw", "points": [[1, 2]]}, "to draw takes 3 to"),
    ({"kind": "draw", "points": [[1, 2], [3, 4], ["x", 5]]}, "all numbers"),
    ({"kind": "erase", "points": [[1, 2]]}, "a brush has a radius"),
    ({"kind": "delete", "cells": [1, 1]}, "each once"),
    ({"kind": "grow", "cells": [1], "by": 3}, "got 'by'"),
    ({"kind": "delete", "cells": [77]}, "there is no cell 77"),
]


@pytest.mark.parametrize(("edit", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_no_edit_is_refused_in_one_sentence(client, run, tmp_path, capsys, edit, words):
    answer = client.post(address(run), json={"edits": [edit]})
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    path = tmp_path / "edits.json"
    path.write_text(json.dumps({"edits": [edit]}))
    assert main(["edit", run.id, str(path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert client.get(address(run)).json() == {"number": 0, "edits": []}


def test_the_command_says_which_images_a_run_has(run, tmp_path, capsys):
    path = tmp_path / "edits.json"
    path.write_text("[]")
    assert main(["edit", run.id, str(path)]) == 2
    path.write_text('[{"kind": "undo"}]')
    assert main(["edit", run.id, str(path), "--image", "none.tif"]) == 2
    assert f"it has '{run.images[0].stem}'" in capsys.readouterr().err


def test_outlines_are_answered_by_id_and_by_place_as_the_label_image_has_them(client, run):
    image = run.images[0]
    cells = read_cells(runs.run_folder(run.id) / image.stem / "cells.parquet")
    y, x = int(cells.loc[1, "centroid_y_px"]), int(cells.loc[1, "centroid_x_px"])
    address = f"/runs/{run.id}/images/{image.image_id}/outlines"
    asked = {"pass": make_pass(image.image_id), "cell": [2, 99], "y": y, "x": x}
    found = client.get(address, params=asked).json()["cells"]
    assert [one["id"] for one in found] == [2, 1], "one that is not there is left out"
    xs = [corner[0] for ring in found[1]["rings"] for corner in ring]
    assert (min(xs), max(xs)) == (cells.loc[1, "bbox_x0_px"], cells.loc[1, "bbox_x1_px"])
    assert client.get(address, params=asked | {"pass": "none"}).status_code == 403
