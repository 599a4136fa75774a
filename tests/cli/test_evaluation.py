"""`compare` through the command line."""

import json

import pytest

from cellapp.cli import main
from tests.evaluation.calls import random_calls, write_calls


def last_json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_two_heads_give_the_tests_and_a_sentence(tmp_path, capsys):
    heads = [str(write_calls(tmp_path / n, random_calls(n, skill=s, noise=s))) for n, s in (("good", 4), ("poor", 1))]
    assert main(["compare", *heads, "--json"]) == 0
    result = last_json(capsys)
    assert {"paired_t", "corrected_t", "bootstrap", "sentence"} <= result.keys()
    assert result["sentence"].startswith("good is better than poor")
    assert main(["compare", *heads[::-1], "--score", "auc"]) == 0
    assert "good is better than poor: auc" in capsys.readouterr().out


def test_heads_of_different_folds_are_refused(tmp_path, capsys):
    heads = [str(write_calls(tmp_path / str(k), random_calls(str(k), folds=k))) for k in (3, 4)]
    assert main(["compare", *heads]) == 2
    assert "different folds; train both with the same" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["only"], ["only", "absent"]])
def test_too_few_or_absent_heads_are_refused(tmp_path, capsys, given):
    write_calls(tmp_path / "only", random_calls())
    assert main(["compare", *(str(tmp_path / name) for name in given)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
