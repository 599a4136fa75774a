"""Names, scale and time are read from wherever ZEN writes them; what cannot be read is unknown."""

import pytest

from cellapp.images.formats.czi_metadata import CziMetadata, parse_metadata


def document(image: str = "", rest: str = "") -> str:
    return (
        f"<ImageDocument><Metadata><Information><Image>{image}</Image></Information>{rest}</Metadata></ImageDocument>"
    )


def scaling(**values: str) -> str:
    items = "".join(f'<Distance Id="{axis}"><Value>{value}</Value></Distance>' for axis, value in values.items())
    return f"<Scaling><Items>{items}</Items></Scaling>"


@pytest.mark.parametrize(
    ("values", "um"),
    [
        ({"X": "3.25e-07", "Y": "3.25e-07"}, 0.325),
        ({"X": "3,25E-07"}, 0.325),
        ({"X": "0", "Y": "0"}, None),
        ({"X": "NaN", "Y": "-1"}, None),
        ({"Z": "1e-6"}, None),
        ({}, None),
    ],
)
def test_the_scale_is_metres_or_unknown(values, um):
    assert parse_metadata(document(rest=scaling(**values))).um_per_px == (um and pytest.approx(um))


def channels(*nodes: str) -> str:
    return f"<Channels>{''.join(nodes)}</Channels>"


def test_names_are_those_of_the_image_else_those_on_display():
    named = channels("<Channel Name='405,450'/>", "<Channel><Fluor>DAPI</Fluor></Channel>")
    shown = channels("<Channel Name='a'/>", "<Channel><ShortName>b</ShortName></Channel>")
    display = f"<DisplaySetting>{shown}</DisplaySetting>"
    assert parse_metadata(document(f"<Dimensions>{named}</Dimensions>", display)).channels == ("405,450", "DAPI")
    assert parse_metadata(document(rest=display)).channels == ("a", "b")
    unnamed = channels("<Channel/>", "<Channel/>")
    assert parse_metadata(document(f"<Dimensions>{unnamed}</Dimensions>", display)).channels == ("a", "b")


def test_scenes_have_wells_and_names():
    scenes = (
        '<Scene Index="1" Name="P2"><Shape Name="B3"/></Scene><Scene Index="0" Name="A1"><Shape Name="A1"/></Scene>'
    )
    metadata = parse_metadata(document(f"<Dimensions><S><Scenes>{scenes}<Scene/></Scenes></S></Dimensions>"))
    assert [metadata.scene(number) for number in (0, 1, 2, 7, None)] == ["A1", "B3 P2", "", "", "A1"]


def test_time_is_in_seconds():
    positions = (
        "<Dimensions><T><Positions><Interval><Increment>1800</Increment></Interval></Positions></T></Dimensions>"
    )
    assert parse_metadata(document(positions)).interval_s == 1800


def test_bits_are_those_of_the_channel_with_the_most():
    named = channels(
        *(f"<Channel><ComponentBitCount>{n}</ComponentBitCount></Channel>" for n in ("12", "14", "", "many"))
    )
    assert parse_metadata(document(f"<Dimensions>{named}</Dimensions>")).bits == 14


@pytest.mark.parametrize("text", ["", "<ImageDocument>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_text_that_cannot_be_read_says_nothing(text):
    assert parse_metadata(text) == CziMetadata()
