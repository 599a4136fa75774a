"""The verbs of the package, and the notebook that shows them."""

import re
import subprocess
import sys

import numpy as np
import pytest

import cellapp
from tests.paths import ROOT
from tests.training.pictures import write_pictures

pytestmark = pytest.mark.slow

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8"), re.DOTALL)
VERBS = ("open_image", "segment", "analyse", "load_model", "train_classifier", "predict", "explain")


def test_the_package_offers_its_verbs_and_names_them():
    assert set(VERBS) <= set(dir(cellapp))
    for verb in VERBS:
        assert callable(getattr(cellapp, verb))
        assert verb in "".join(BLOCKS), f"docs/notebook.md does not show {verb}"


def test_what_is_not_offered_is_refused_with_what_is():
    with pytest.raises(AttributeError, match="has no attribute 'count'; it offers open_image"):
        cellapp.count  # noqa: B018


def test_asking_what_there_is_loads_nothing_heavy():
    probe = "import cellapp, sys; dir(cellapp); cellapp.open_image; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_notebook_runs(demo, tmp_path, monkeypatch):
    """All blocks one after the other, on the demonstration slide of the tests and a folder of small pictures."""
    (tmp_path / "demo.tif").symlink_to(demo.slide)
    write_pictures(tmp_path / "labelled", n_groups=4, per_group=2)
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS[0].strip().splitlines()) <= 12, "an image, a table and a map in twelve lines"
    names = {}
    for block in BLOCKS:
        exec(block, names)
    explanations, cells = names["explained"].explanations, names["cells"]
    assert explanations.cell_ids.tolist() == names["surest"].index.tolist()
    sums = explanations.maps.sum(axis=(1, 2)) + explanations.rest
    np.testing.assert_allclose(sums, explanations.logits, rtol=1e-4, atol=1e-4)
    assert set(cells["label"]) <= {"cancer", "normal", ""}
    assert names["mask"].cell_ids.tolist() == names["counted"].cells.index.tolist()
    assert names["metrics"]["n"] == len(names["calls"]) == 8
