import json

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.exports.run_json import image_of, read_run, write_run
from cellapp.settings import AnalyseSettings, CropMode, CropSettings
from tests.exports.toy import HOSTILE, toy_analysis


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
