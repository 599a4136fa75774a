import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.exports.run_json import OF_ANALYSIS, image_of, read_run, write_run
from cellapp.settings import AnalyseSettings, CropMode, CropSettings
from tests.exports.toy import HOSTILE, toy_analysis

TOY, _ = toy_analysis(1)


def test_settings_and_image_come_back_as_they_were(tmp_path):
    analysis, _ = toy_analysis()
    settings = AnalyseSettings(crop=CropSettings(mode=CropMode.PADDED), channels={"nucleus": 2})
    tree = read_run(write_run(analysis, settings, {"n_cells": np.int64(3)}, tmp_path / "run.json"))
    assert AnalyseSettings.model_validate(tree["settings"]) == settings
    assert image_of(tree) == (analysis.info, analysis.roles)
    assert tree["image"]["sha256"] == analysis.digest
    assert (tree["head"], tree["seconds"], tree["nothing"]) == (HOSTILE, {"segment": 0.5}, None)
    assert tree["summary"] == {"n_cells": 3}


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"settings": {}}'])
def test_what_describes_no_image_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match="folder"):
        read_run(tmp_path / "run.json")


def test_file_is_strict_json(tmp_path):
    path = write_run(toy_analysis()[0], AnalyseSettings(), {"a": float("inf")}, tmp_path / "run.json")
    assert "NaN" not in path.read_text()
    assert json.loads(path.read_text())["summary"] == {"a": None}


NUMBERS = st.floats() | st.integers() | st.floats(width=32).map(np.float32) | st.integers(0, 255).map(np.uint8)
PLAIN = NUMBERS | st.booleans().map(np.bool_) | st.text() | st.none()
TREES = st.recursive(PLAIN, lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(provenance=st.dictionaries(st.text(min_size=9, max_size=12), TREES, max_size=3))
def test_whatever_the_provenance_holds_is_strict_json(tmp_path_factory, provenance):
    analysis = replace(TOY, provenance=provenance)
    path = write_run(analysis, AnalyseSettings(), {}, tmp_path_factory.mktemp("run") / "run.json")
    tree = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert provenance.keys() - OF_ANALYSIS - {"settings"} <= tree.keys()
    assert image_of(tree) == (analysis.info, analysis.roles)


def test_paths_are_written_as_text(tmp_path):
    analysis = replace(TOY, provenance={"weights": tmp_path, "sizes": np.arange(3)})
    tree = read_run(write_run(analysis, AnalyseSettings(), {}, tmp_path / "run.json"))
    assert (tree["weights"], tree["sizes"]) == (str(tmp_path), [0, 1, 2])
