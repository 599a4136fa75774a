"""Layouts of plates: what is read of them, and what is refused."""

import pytest

from cellapp.errors import InputError
from cellapp.population.doses import Dose
from cellapp.population.layout import Placed, read_layout
from cellapp.population.wells import Well


def layout(tmp_path, text, **options):
    path = tmp_path / "plate.csv"
    path.write_text(text, "utf-8")
    return read_layout(path, **options)


def test_wells_with_doses_and_controls(tmp_path):
    text = "Well;Treatment;Dose;Unit;Control\na1;DMSO;;;Negative\nA2;drug;500;nM;\nB1;;;;\nB2;stauro;1 µM;;positive\n"
    assert layout(tmp_path, text) == [
        Placed("DMSO", well=Well(0, 0), control="negative"),
        Placed("drug", well=Well(0, 1), dose=Dose(0.5, "µM")),
        Placed("stauro", well=Well(1, 1), dose=Dose(1, "µM"), control="positive"),
    ]


def test_a_treatment_is_named_as_the_control_in_place_of_the_column(tmp_path):
    text = "image,treatment,control\na.tif,DMSO,\nb.tif,drug,\nc.tif,other,negative\n"
    found = layout(tmp_path, text, control="DMSO", positive="drug")
    assert [one.control for one in found] == ["negative", "positive", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("well\nA1\n", "no column 'treatment'"),
        ("treatment\nDMSO\n", "neither a column 'well' nor one 'image'"),
        ("well,treatment,control\nA1,DMSO,\n", "names no negative control"),
        ("well,treatment,control\nA1,DMSO,vehicle\n", "line 2: control 'vehicle'; write negative, positive or nothing"),
        ("well,treatment,control\nX9,DMSO,negative\nA0,drug,\n", "line 3: 'A0' is no well"),
        ("well,treatment,control\nA1,DMSO,negative\na01,drug,\n", "line 3: A01 is in line 2 already"),
        ("well,image,treatment,control\nA1,a,DMSO,negative\nA1,b,drug,\n", "line 3: A01 is in line 2 already"),
        ("well,image,treatment,control\nA1,a,DMSO,negative\n,,drug,\n", "line 3: neither a well nor an image"),
        ("well,treatment,dose,control\nA1,DMSO,much,negative\n", "line 2: 'much' is no dose"),
        ("well,treatment,control\nA1,,negative\n", "names no negative control"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path, text, words):
    with pytest.raises(InputError) as refused:
        layout(tmp_path, text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"control": "water"}, "no treatment 'water'; it has DMSO, drug"),
        ({"control": "drug", "positive": "drug"}, "both"),
    ],
)
def test_controls_are_treatments_of_the_layout(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        layout(tmp_path, "well,treatment\nA1,DMSO\nA2,drug\n", **options)


def test_images_of_one_well_are_lines_of_one_treatment(tmp_path):
    text = "well,image,treatment,control\nA1,a,DMSO,negative\nA1,b,DMSO,negative\n"
    assert [one.image for one in layout(tmp_path, text)] == ["a", "b"]
