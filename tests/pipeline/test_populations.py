"""Populations of a stored run: the same figures for page, API and command line, beside what the image table knows."""

import json
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.errors import InputError
from cellapp.evaluation import quantification
from cellapp.models.registry import stored_head
from cellapp.pipeline.populations import populations
from cellapp.settings import AnalyseSettings
from cellapp.store import images, runs
from cellapp.store.projects import default_project
from cellapp.ui.classify.population_section import known_chart, population_table
from tests.evaluation.calls import random_calls, write_calls
from tests.jobs.test_rescore import make_head
from tests.pages.seeding import seed_image
from tests.pipeline.test_quantify_runs import write_image

FRACTIONS = {"a": 0.2, "b": 0.7, "c": 0.5}


@pytest.fixture
def head(tmp_path, home, monkeypatch):
    monkeypatch.setattr(quantification, "DRAWS", 30)
    identity = make_head(tmp_path, "mine")
    write_calls(stored_head(identity), replace(random_calls(skill=2, n_groups=30, per_group=40), head=identity))
    return identity


@pytest.fixture
def run(tmp_path, head):
    """Three images: one of a known mixture, one of a class alone as the table says, one of unknown composition."""
    seeded = [seed_image(tmp_path, name=f"{name}.tif", seed=k) for k, name in enumerate(FRACTIONS)]
    settings = AnalyseSettings.model_validate({"classify": {"head": head}})
    made = runs.create_run(default_project().id, [one.image.id for one in seeded], settings)
    for k, (image, fraction) in enumerate(zip(made.images, FRACTIONS.values(), strict=True)):
        write_image(runs.run_folder(made.id) / image.stem, fraction, seed=k, head=head)
        runs.set_image_status(made.id, image.image_id, "done", n_cells=269, summary={})
    images.set_conditions(seeded[0].image.id, {"cell_line": "cancer:normal=1:4", "treatment": "x"})
    images.set_conditions(seeded[1].image.id, {"cell_line": "normal", "treatment": "x"})
    images.set_conditions(seeded[2].image.id, {"cell_line": "HeLa", "dose": "a=b=1:0:0"})
    return runs.finish_run(made.id)


def test_page_api_and_command_line_say_the_same(run, head, tmp_path, capsys):
    found = populations(run.id, "treatment")
    known = tmp_path / "known.csv"
    known.write_text("image,cancer,normal,condition\na,1,4,x\nb,0,1,x\n")
    assert (
        main(
            [
                "quantify",
                str(runs.run_folder(run.id)),
                "--head",
                str(stored_head(head)),
                "--known",
                str(known),
                "--json",
            ]
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert said == {name: value for name, value in found.items() if name != "known"}
    answer = TestClient(api).get(f"/runs/{run.id}/populations", params={"condition": "treatment"})
    assert answer.json() == found


def test_compositions_are_known_where_the_table_names_a_class_or_a_mixture(run):
    found = populations(run.id)
    assert found["known"] == {"a": {"cancer": 0.2, "normal": 0.8}, "b": {"cancer": 0.0, "normal": 1.0}}
    assert found["conditions"] == {}
    assert set(found["rmse"]) == {"plain", "adjusted", "em"}


def test_the_table_has_a_row_per_class_of_each_image_condition_and_all(run):
    found = populations(run.id, "treatment")
    table = population_table(found)
    assert table["images"].drop_duplicates().tolist() == ["a", "b", "c", "condition x", "all images"]
    row = table[(table["images"] == "a") & (table["class"] == "cancer")].iloc[0]
    one = found["images"]["a"]["cancer"]
    assert (row["corrected"], row["counted"], row["known"]) == (100 * one["em"], 100 * one["plain"], 20.0)
    assert table["known"].isna().sum() == 6
    figure = known_chart(found, ("cancer", "normal"))
    assert [len(trace.x) for trace in figure.data] == [2, 2, 2]
    assert list(figure.data[1].x) == [20.0, 0.0]


def test_what_cannot_be_counted_is_said_in_a_sentence(run, head):
    with pytest.raises(InputError, match="no condition 'colour' in the image table"):
        populations(run.id, "colour")
    (stored_head(head) / "folds.csv").unlink()
    with pytest.raises(InputError, match="folds"):
        populations(run.id)
    assert TestClient(api).get(f"/runs/{run.id}/populations").status_code == 422
    plain = runs.create_run(
        default_project().id, [run.images[0].image_id], AnalyseSettings.model_validate({"classify": {"head": None}})
    )
    with pytest.raises(InputError, match="no classes to count"):
        populations(plain.id)
