"""`models`: what is listed is what is there, and can be shown."""

import json

from cellapp.cli import main
from cellapp.models.registry import registry
from cellapp.models.status import status


def printed(capsys, *arguments):
    assert main(["models", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_model_is_listed_with_its_state(capsys):
    *lines, last = printed(capsys, "list", "--json")
    listed = {row["name"]: row for row in json.loads(last)["models"]}
    assert listed.keys() == registry().keys()
    assert len(lines) == len(listed)
    for name, row in listed.items():
        assert (row["kind"], row["state"]) == (registry()[name].kind, status(name).state)
        assert row["licence"]


def test_a_bundled_model_is_shown_with_its_card(capsys):
    lines = printed(capsys, "show", "demo-head")
    assert "name: demo-head" in lines
    assert "Trained only on synthetic cells" in "\n".join(lines)


def test_fetching_a_bundled_model_tells_where_it_is(capsys):
    (line,) = printed(capsys, "fetch", "demo-head")
    assert line.startswith("demo-head: ")
    assert line.endswith("demo-head")


def test_an_unknown_model_is_refused_with_what_there_is(capsys):
    assert main(["models", "fetch", "no-such-model"]) == 2
    assert "no-such-model" in capsys.readouterr().err
