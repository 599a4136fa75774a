"""OME-XML: every text comes back as it was written, and what is no number is unknown."""

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.formats import ome_xml
from cellapp.images.formats.ome_xml import OmeBlock, OmeChannel, parse_ome
from tests.paths import shared_data

NAMESPACES = [
    "",
    ' xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"',
    ' xmlns="http://www.openmicroscopy.org/Schemas/OME/2011-06"',
]
names = st.one_of(
    st.sampled_from(["405,450", "0405", "1e3", "false", "None", "nan", "a & b", "<DAPI>", "1_000", "µ", "核", " x"]),
    st.text(
        st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"], blacklist_characters="\ufffe\uffff"), max_size=9
    ),
)


def text_of(body: str, namespace: str = NAMESPACES[1]) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><OME{namespace} UUID="urn:uuid:1">{body}</OME>'


def pixels(inner: str = "", **attributes: str) -> str:
    written = {"SizeX": "7", "SizeY": "5", "SizeC": "1", "SizeZ": "1", "SizeT": "1"} | attributes
    listed = " ".join(f"{key}={quoteattr(value)}" for key, value in written.items())
    return f'<Image ID="Image:0"><Pixels {listed}>{inner}</Pixels></Image>'


def only(body: str) -> ome_xml.OmeImage:
    (image,) = parse_ome(text_of(body), "made").images
    return image


@given(written=st.lists(names, min_size=1, max_size=4), title=names, namespace=st.sampled_from(NAMESPACES))
@settings(deadline=None, max_examples=60)
def test_names_are_text(written, title, namespace):
    inner = "".join(f"<Channel Name={quoteattr(name)}/>" for name in written)
    body = f"<Image Name={quoteattr(title)}><Pixels>{inner}</Pixels></Image>" * 2
    ome = parse_ome(text_of(body, namespace), "made")
    assert [image.name for image in ome.images] == [title] * 2
    for image in ome.images:
        assert [channel.name for channel in image.channels] == written
    assert ome.uuid == "urn:uuid:1"


@pytest.mark.parametrize(
    ("attributes", "um"),
    [
        ({"PhysicalSizeX": "0.25", "PhysicalSizeY": "0.25"}, 0.25),
        ({"PhysicalSizeX": "0,325", "PhysicalSizeY": "0,325"}, 0.325),
        ({"PhysicalSizeX": "250", "PhysicalSizeXUnit": "nm"}, 0.25),
        ({"PhysicalSizeY": "2.5e-4", "PhysicalSizeYUnit": "mm"}, 0.25),
        ({"PhysicalSizeX": "one", "PhysicalSizeY": ""}, None),
        ({"PhysicalSizeX": "1", "PhysicalSizeXUnit": "pixel"}, None),
        ({"PhysicalSizeX": "1", "PhysicalSizeXUnit": "reference frame"}, None),
        ({"PhysicalSizeX": "-1", "PhysicalSizeY": "inf"}, None),
        ({}, None),
    ],
)
def test_a_size_is_read_or_unknown(attributes, um):
    assert only(pixels(**attributes)).um_per_px == (None if um is None else pytest.approx(um))


@pytest.mark.parametrize("value", ["", "many", "1e400", "-3", "2.5", "nan"])
def test_counts_that_are_none_leave_their_default(value):
    image = only(pixels(SizeC=value, SignificantBits=value))
    assert (image.size, image.significant_bits) == ((1, 1, 1, 5, 7), None)


def test_planes_say_where_they_are():
    inner = (
        '<Channel SamplesPerPixel="3"/><TiffData/><TiffData IFD="2" FirstC="1"/>'
        '<TiffData FirstT="4" IFD="3" PlaneCount="6"><UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData>'
    )
    image = only(pixels(inner, SizeC="3"))
    assert image.channels == (OmeChannel("", 3),)
    assert image.is_photo
    assert image.blocks == (
        OmeBlock(),
        OmeBlock((1, 0, 0), 2, 1),
        OmeBlock((0, 0, 4), 3, 6, "b.ome.tif", "urn:uuid:2"),
    )
    assert image.file_names == ("b.ome.tif",)


@pytest.mark.parametrize(
    ("attributes", "inner", "seconds"),
    [
        ({"TimeIncrement": "2", "TimeIncrementUnit": "min"}, "", 120.0),
        ({"TimeIncrement": "30"}, "", 30.0),
        ({}, "".join(f'<Plane TheC="0" TheZ="0" TheT="{t}" DeltaT="{t * 5}"/>' for t in (2, 0, 1)), 5.0),
        ({}, '<Plane TheC="0" TheZ="0" TheT="0" DeltaT="0"/>', None),
        ({}, "", None),
    ],
)
def test_the_time_between_images_is_declared_or_measured(attributes, inner, seconds):
    assert only(pixels(inner, **attributes)).interval_s == seconds


def test_wells_and_stage_labels_name_places():
    plate = '<Plate><Well Row="1" Column="2"><WellSample><ImageRef ID="Image:0"/></WellSample></Well></Plate>'
    body = '<Image ID="Image:0"><StageLabel Name="0010"/></Image><Image ID="Image:1"/>' + plate
    one, other = parse_ome(text_of(body), "made").images
    assert (one.well, one.stage_label, other.well) == ("B03", "0010", "")


def test_prefixes_and_companions_are_read():
    text = '<o:OME xmlns:o="http://x"><o:BinaryOnly MetadataFile="set.companion.ome" UUID="u"/></o:OME>\0\0'
    assert parse_ome(text, "made").metadata_file == "set.companion.ome"
    text = shared_data("instrument_files/ome_tiff_multifile/multifile.companion.ome").read_text(encoding="utf-8")
    (image,) = parse_ome(text, "companion").images
    assert image.size == (1, 1, 5, 24, 18)
    assert image.file_names == tuple(f"multifile-Z{z}.ome.tiff" for z in range(1, 6))


BOMB = '<!DOCTYPE OME [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<OME><Image></OME>", "damaged"),
        ("", "damaged"),
        ("<html/>", "no OME-XML but 'html'"),
        (f"{BOMB}<OME>&b;</OME>", "document type"),
        ("<OME>&b;</OME>", "damaged"),
        ("<OME/>" + " " * 100 + "<!-- -->", "200 characters|characters of OME-XML"),
    ],
)
def test_what_is_no_ome_xml_is_refused_in_one_line(text, words, monkeypatch):
    monkeypatch.setattr(ome_xml, "MOST_CHARACTERS", 100)
    with pytest.raises(InputError, match=words) as refused:
        parse_ome(text, "made")
    assert "\n" not in str(refused.value)
