"""Calibrations: read back as they were written, of their own weights only, monotone, and put into plain words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.config import REPOSITORY
from cellapp.errors import ModelError
from cellapp.segmentation.reliability import CALIBRATION, Calibration, quality_of, read_calibration, write_calibration
from cellapp.segmentation.second_look import Evidence

GOOD = Evidence(0.95, 1.0, 0.95, 1.0, 0.9, 0.1)
SIMPLE = Calibration(
    centre=np.full(6, 0.5),
    weights=np.array([0.4, 0.2, 0.2, 0.1, 0.3, -0.2]),
    scores=np.array([-0.6, 0.0, 0.6]),
    expected=np.array([0.1, 0.5, 0.9]),
    lower=np.array([0.0, 0.2, 0.7]),
    upper=np.array([0.3, 0.8, 1.0]),
)
SHARES = st.floats(0, 1)


@given(numbers=st.tuples(*[SHARES] * 6), which=st.integers(0, 5), more=SHARES)
@settings(max_examples=40, deadline=None)
def test_better_evidence_never_lowers_what_is_expected(numbers, which, more):
    evidence = Evidence(*numbers)
    name = [*Evidence.__dataclass_fields__][which]
    better = replace(evidence, **{name: getattr(evidence, name) + (-more if name == "uncertain" else more)})
    expected, low, high = SIMPLE.expect(evidence)
    assert 0 <= low <= expected <= high <= 1
    assert SIMPLE.expect(better)[0] >= expected - 1e-9


def test_a_calibration_is_read_back_and_fits_its_own_weights_only(tmp_path):
    write_calibration(SIMPLE, "a" * 64, {"n_images": 3}, tmp_path)
    assert read_calibration(tmp_path, "a" * 64).expect(GOOD) == pytest.approx(SIMPLE.expect(GOOD), abs=1e-3)
    assert read_calibration(tmp_path, "b" * 64) is None
    assert read_calibration(tmp_path / "elsewhere", "a" * 64) is None


@pytest.mark.parametrize("content", ["", "[]", '{"network_sha256": "aa"}'])
def test_a_damaged_calibration_is_named(tmp_path, content):
    (tmp_path / CALIBRATION).write_text(content)
    with pytest.raises(ModelError, match="reliability.json is damaged"):
        read_calibration(tmp_path, "aa")


def test_words_say_what_to_expect_and_what_to_do():
    poor = quality_of("cellpose:compact-1@4", (0.21, 0.05, 0.4))
    assert poor.unreliable
    assert poor.words.startswith("These outlines look unreliable (expected AP 0.2, 0.05 to 0.4): ")
    assert poor.words.endswith(": try cpsam_v2, or correct three regions and retrain")
    assert "try another segmenter" in quality_of("cellpose:cpsam_v2@4", (0.21, 0.05, 0.4)).words
    middling, good = quality_of("x", (0.6, 0.3, 0.9)), quality_of("x", (0.9, 0.7, 1.0))
    assert not middling.unreliable
    assert "before you use them" in middling.words
    assert "look reliable" in good.words
    unknown = quality_of("x", None, "nobody measured it")
    assert unknown.expected_ap is None
    assert not unknown.unreliable
    assert "Nothing can be told" in unknown.words


def test_the_bundled_network_has_a_calibration_of_its_own():
    from cellapp.segmentation.flow_unet_io import digest_of

    folder = REPOSITORY / "models" / "compact"
    calibration = read_calibration(folder, digest_of(folder))
    assert calibration is not None, "make it: python -m cellapp score reliability compact --data DIR"
    bad = replace(GOOD, overlap=0.3, again=0.3, closely=0.1, kept=0.6, flow=0.5, uncertain=0.8)
    assert calibration.expect(bad)[0] < 0.5 < calibration.expect(GOOD)[0]
