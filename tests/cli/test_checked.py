"""An option that is empty, or has no effect beside the others, is refused in one sentence before any work."""

import json

import numpy as np
import pytest
import typer

from cellapp.cli import app, main
from cellapp.cli.checked import IDLE, Excludes

BASE = {
    "analyse": ["SLIDE", "--out", "OUT"],
    "discover": ["PICTURES", "--out", "OUT"],
    "label suggest": ["RUN", "TABLE"],
    "score segmenter": ["compact", "--data", "PICTURES"],
    "worker": [],
}
VALUES = {"encoder": "cell-vit", "unsure": "margin", "error_rate": "0.1", "diameter": "40", "second_look": None}
VALUES |= {"latent": "8", "beta": "2", "epochs": "3", "measured": None, "of_class": "cancer", "band": "0.3-0.6"}
VALUES |= {"like": "demo:1", "seed": "1", "before": "compact", "idle_s": "5", "server": "1"}
OTHERS = [
    ["train", "PICTURES", "--out", "OUT", "--control", "dmso"],
    ["train", "PICTURES", "--out", "OUT", "--recipe", "RECIPE", "--control", "dmso"],
    ["train", "TABLE", "--out", "OUT", "--run", "RUN", "--image", "SLIDE"],
    ["train", "LABELS", "--out", "OUT", "--run", "RUN", "--classes", "a=b"],
    ["discover", "VECTORS", "--out", "OUT", "--encoder", "cell-vit"],
    ["discover", "RUN", "--out", "OUT", "--encoder", "cell-vit"],
    ["discover", "PICTURES", "--out", "OUT", "--condition", "class"],
    ["lines", "train", "PICTURES", "--out", "OUT", "--table", "TABLE"],
    *(["lines", "train", "RUN", "--out", "OUT", "--table", "TABLE", *more] for more in (
        ("--pattern", "{line}_{time}"),
        ("--every", "2"),
        ("--encoder", "cell-vit"),
    )),
    ["score", "segmentation", "RUN", "RUN", "--images", "PICTURES"],
]  # fmt: skip


def commands(group, path=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def arguments(command, rule):
    """A use of a command in which an option has no effect."""
    params = {param.name: param for param in COMMANDS[command].params}

    def given(name, value):
        param = params[name]
        flag = (param.secondary_opts or param.opts)[-1]
        return [flag] if param.is_flag else [flag, value]

    other = given(rule.other, rule.value or "PICTURES") if isinstance(rule, Excludes) else []
    return [*command.split(), *BASE[command], *other, *given(rule.option, VALUES[rule.option])]


RULED = [arguments(command, rule) for command, rules in IDLE.items() for rule in rules]


@pytest.fixture
def places(demo, tmp_path):
    pictures, run = tmp_path / "pictures", tmp_path / "run" / "demo"
    for name in ("a", "b"):
        (pictures / name).mkdir(parents=True)
        (pictures / name / "0.tif").symlink_to(demo.slide)
    run.mkdir(parents=True)
    (run / "cells.parquet").write_bytes(b"")
    (run / "run.json").write_text(json.dumps({}))
    (tmp_path / "recipe").write_text('mode = "probe"\n')
    (tmp_path / "table").write_text("file,class\ndemo,a\n")
    (tmp_path / "labels").write_text("image,cell_id,class\ndemo,1,a\n")
    np.savez(tmp_path / "vectors", features=np.zeros((30, 4)))
    known = {name.upper(): str(tmp_path / name) for name in ("pictures", "run", "recipe", "table", "labels", "out")}
    return known | {"SLIDE": str(demo.slide), "VECTORS": str(tmp_path / "vectors.npz")}


def refused(words, capsys):
    assert main(words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("cellapp: ")
    return said


@pytest.mark.parametrize("words", [*RULED, *OTHERS], ids=" ".join)
def test_an_option_without_effect_is_refused_with_a_way_out(words, places, tmp_path, capsys):
    before = set(tmp_path.iterdir())
    said = refused([places.get(word, word) for word in words], capsys)
    assert any(way in said for way in ("leave", "give", "take")), said
    assert {path for path in set(tmp_path.iterdir()) - before if path.name != "home"} == set()


@pytest.mark.parametrize("command", IDLE)
def test_the_rule_names_the_option_its_value_and_what_decides(command, places, capsys):
    flags = {param.name: param.opts[-1] for param in COMMANDS[command].params}
    for rule in IDLE[command]:
        said = refused([places.get(word, word) for word in arguments(command, rule)], capsys)
        assert flags[rule.option] in said
        assert flags[rule.other] in said
        assert VALUES[rule.option] is None or VALUES[rule.option] in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_or_file_of_no_name_is_refused_by_every_command(command, capsys):
    """The system would take it for the current folder."""
    for param in COMMANDS[command].params:
        if "Path" not in str(param.type_descriptor.annotation):
            continue
        named = param.name in {"out", "data"} or param.opts[-1].startswith("--")
        for words in ([param.opts[-1], ""], [f"{param.opts[-1]}="]) if named else ([""],):
            said = refused([*command.split(), *words], capsys)
            assert "is empty, perhaps a variable of the shell" in said


def test_what_may_be_empty_stays_so(places, capsys):
    """An empty pattern is the usual one."""
    words = ["lines", "train", places["RUN"], "--out", places["OUT"], "--pattern", ""]
    assert "say with --table" in refused(words, capsys)
