"""Settings and methods go by the same names."""

from typing import get_args

from cellapp.explanation.methods import METHODS
from cellapp.settings import ExplainSettings


def test_every_method_can_be_chosen_and_every_choice_is_there():
    assert set(get_args(ExplainSettings.model_fields["method"].annotation)) == set(METHODS)
