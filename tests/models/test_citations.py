"""Every segmenter, encoder, head, method and step has its references, and no reference is left over."""

import re
from typing import get_args

import pytest

from cellapp.explanation.methods import METHODS
from cellapp.models.citations import OF_METHOD, OF_STEP, REFERENCES, Bibliography, of_model
from cellapp.models.registry import registry
from cellapp.settings import ExplainMethod


@pytest.mark.parametrize("name", list(registry()))
def test_every_declared_model_is_cited(name):
    assert of_model(name)
    assert of_model(f"{name}@1a2b3c") == of_model(name)
    assert set(of_model(name)) <= REFERENCES.keys()


def test_every_method_is_cited():
    assert OF_METHOD.keys() == METHODS.keys() == set(get_args(ExplainMethod))
    assert all(OF_METHOD.values())


def test_every_reference_is_used_and_none_twice():
    used = {name for names in (*OF_METHOD.values(), *OF_STEP.values()) for name in names}
    used |= {name for model in registry() for name in of_model(model)}
    assert used == REFERENCES.keys()
    assert len(set(REFERENCES.values())) == len(REFERENCES)


@pytest.mark.parametrize("text", REFERENCES.values())
def test_a_reference_has_a_year_and_a_place(text):
    assert re.search(r"\((19|20)\d\d\)", text)
    assert re.search(r"doi:10\.\d{4,}/\S+$|arXiv:\d{4}\.\d{4,5}$|https://\S+$|\.$", text)


def test_models_of_people_have_no_reference_of_their_own():
    assert of_model("my head@123") == of_model("/some/folder") == of_model("") == ()


def test_numbers_follow_the_text_and_come_once():
    cited = Bibliography()
    assert cited.cite(["vit", "dino"]) == " [1, 2]"
    assert cited.cite(["otsu", "dino", "otsu"]) == " [2, 3]"
    assert cited.cite([]) == ""
    assert cited.references == [REFERENCES["vit"], REFERENCES["dino"], REFERENCES["otsu"]]
