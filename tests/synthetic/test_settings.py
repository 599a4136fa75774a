import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cellapp.synthetic.settings import CHANNELS, SyntheticSettings


@pytest.mark.parametrize("n_channels", [3, 4])
def test_slides_of_three_channels_leave_the_last_one_out(n_channels):
    assert SyntheticSettings(n_channels=n_channels).channels == CHANNELS[:n_channels]


@given(um=st.floats(10, 100), um_per_px=st.floats(0.05, 5))
def test_the_diameter_in_px_follows_the_pixel_size(um, um_per_px):
    chosen = SyntheticSettings(cell_diameter_um=um, um_per_px=um_per_px)
    assert chosen.diameter_px * um_per_px == pytest.approx(um)


@pytest.mark.parametrize("wrong", [
    {"height": 0}, {"density": 1.5}, {"touching": -0.1}, {"cancer_fraction": 2}, {"dtype": "float32"},
    {"n_channels": 5}, {"um_per_px": 0}, {"um_per_px": 1e-9}, {"um_per_px": float("inf")}, {"um_per_px": 1e9},
    {"unheard": 1},
])  # fmt: skip
def test_impossible_slides_are_refused(wrong):
    with pytest.raises(ValidationError):
        SyntheticSettings.model_validate(wrong)


def test_settings_cannot_change_once_made():
    with pytest.raises(ValidationError, match="frozen"):
        SyntheticSettings().seed = 3


def test_a_setting_at_the_default_of_earlier_slides_is_not_written_down():
    assert "differ_by" not in SyntheticSettings().model_dump_json()
    chosen = SyntheticSettings(differ_by="nucleus")
    assert SyntheticSettings.model_validate_json(chosen.model_dump_json()) == chosen
