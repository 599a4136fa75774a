import numpy as np
import pytest

from cellapp.cells.quality import assess, fails_published, perimeter_share
from cellapp.settings import QualitySettings
from tests.cells.toy import blobs, circle, measured

OFF = QualitySettings(border=False, debris=False)


def judged(labels, settings, pixels=None):
    mask, pixels, cells = measured(labels, pixels)
    return assess(cells, mask, pixels, settings)


@pytest.mark.parametrize(("radius", "share", "passes"), [(50, 0.194, False), (100, 0.146, True)])
def test_published_rule_on_circles(radius, share, passes):
    """Figures of JC-Cell-Pipeline's own filter on filled circles."""
    labels = circle(radius)
    tight = labels[np.ix_(labels.any(1), labels.any(0))]
    assert tight.shape == (2 * radius - 1,) * 2
    assert perimeter_share(tight[None]) == pytest.approx(share, abs=5e-4)
    result = judged(labels, OFF.model_copy(update={"published": True}))
    assert result["qc_pass"].tolist() == [passes]
    assert ("published rule" in result["qc_reason"].iloc[0]) is not passes


@pytest.mark.parametrize(
    ("area", "share", "bad"),
    [
        (75 * 75, 0.0, True),
        (75 * 75 + 1, 0.12, False),
        (75 * 75 + 1, 0.1201, True),
        (100 * 100, 0.12, False),
        (100 * 100, 0.13, True),
        (100 * 100 + 1, 0.16, False),
        (100 * 100 + 1, 0.1601, True),
    ],
)
def test_published_limits_are_inclusive_as_published(area, share, bad):
    assert fails_published(area, share, QualitySettings()) is bad


@pytest.mark.parametrize("edge", [(slice(0, 5), slice(9, 15)), (slice(-5, None), slice(9, 15)),
                                  (slice(9, 15), slice(0, 5)), (slice(9, 15), slice(-5, None))])  # fmt: skip
def test_each_side_of_the_image_is_a_border(edge):
    labels = np.zeros((40, 50), np.int32)
    labels[edge], labels[20:25, 20:25] = 1, 2
    result = judged(labels, QualitySettings())
    assert result["qc_pass"].tolist() == [False, True]
    assert result["qc_reason"].tolist() == ["touches the image border", ""]
    lenient = judged(labels, OFF)
    assert lenient["qc_pass"].all()
    assert lenient["qc_border"].tolist() == [True, False]


def test_reasons_add_up_in_words():
    labels = blobs(9)
    labels[0:2, 150:152] = 30
    result = judged(labels, QualitySettings())
    assert result.loc[30, "qc_reason"] == "touches the image border; smaller than 15 % of the median cell"
    assert result.drop(30)["qc_pass"].all()


def test_blurred_cell_is_found_only_when_asked():
    from scipy.ndimage import gaussian_filter

    labels = blobs(9)
    mask, pixels, _ = measured(labels)
    soft = pixels.copy()
    patch = np.stack([gaussian_filter(channel.astype(float), 3) for channel in pixels]).astype(pixels.dtype)
    grown = np.zeros_like(labels, bool)
    grown[38:55, 5:30] = True
    soft[:, grown] = patch[:, grown]
    cell = int(labels[46, 16])
    assert judged(labels, QualitySettings(), soft)["qc_pass"].all()
    result = judged(labels, QualitySettings(blur=True), soft)
    assert result.index[~result["qc_pass"]].tolist() == [cell]
    assert result.loc[cell, "qc_reason"] == "less sharp than 10 % of the median cell"


@pytest.mark.parametrize("n", [0, 1, 7])
def test_no_cell_is_ever_dropped(n):
    everything = QualitySettings(border=True, published=True, debris=True, blur=True)
    mask, pixels, cells = measured(blobs(n))
    result = assess(cells, mask, pixels, everything)
    assert result.index.equals(cells.index)
    assert (result["qc_reason"].eq("") == result["qc_pass"]).all()
    assert (result["qc_pass"].dtype, result["qc_border"].dtype) == (bool, bool)
    assert "qc_pass" not in cells
