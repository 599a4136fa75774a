"""Real images of every kind go through the whole analysis: 8 bit, 16 bit and float, gray, colour and many channels."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.images.channel_files import combine
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Region, Slide
from tests.paths import shared_data

pytestmark = pytest.mark.slow

SETTINGS = AnalyseSettings.model_validate({"explain": {"n": 1}})
IMAGES = (
    "bccd/images/BloodImage_00000.jpg",
    "cellprofiler_examples/ExampleHuman/AS_09125_050116030001_D03f00d0.tif",
    "cellprofiler_sbs_u2os/Channel1-01-A-01.tif",
    "instanseg_examples/Fluorescence_example.tif",
    "lbc_cervical/NL/NL_10_1.jpg",
    "malaria_nih_sample/images/Parasitized___C105P66ThinF_IMG_20150924_100655_cell_124_109.png",
    "neubias_examples/anchor_nuclei_downsampled.tiff",
    "neubias_examples/xyc_16bit__nuclei_tubulin.tif",
    "pbc_barcelona_sample/images/basophil___BA_298210_110.jpg",
    "stardist_examples/img2d.tif",
    "usiigaci_t98g_sample/images/20180101ef002xy01t01.tif",
    "whoisjack_cells/example_cells_1.tif",
)


@pytest.fixture(scope="module")
def models():
    return load_run_models(SETTINGS)


def middle_of(slide, side=256):
    """The middle of a large image, in memory: the same kind of pixels in a fraction of the time."""
    _, height, width = slide.info.shape
    h, w = min(height, side), min(width, side)
    pixels = slide.region(Region((height - h) // 2, (width - w) // 2, h, w))
    info = replace(slide.info, shape=pixels.shape, levels=((h, w),))
    return Slide(info, slide.digest, (pixels,))


def check(result):
    assert result.cells.index.tolist() == result.mask.cell_ids.tolist()
    assert result.mask.labels.shape == result.info.shape[1:]
    accepted = result.cells[result.cells["qc_pass"]]
    columns = [name for name in accepted if name.startswith("p_")]
    np.testing.assert_allclose(accepted[columns].sum(axis=1), 1)
    assert (result.cells.loc[~result.cells["qc_pass"], "qc_reason"] != "").all()


@pytest.mark.parametrize("name", IMAGES, ids=lambda name: name.split("/")[0])
def test_a_real_image_of_each_kind_is_analysed(name, models):
    check(analyse(middle_of(open_slide(shared_data(f"fields/{name}"))), models, SETTINGS))


def test_one_file_per_channel_becomes_one_image(models):
    folder = shared_data("fields/cellprofiler_examples/ExampleHuman")
    slides = [open_slide(path) for path in sorted(folder.glob("*.tif"))]
    result = analyse(combine(slides, ["nucleus", "phospho", "cytoplasm"]), models, SETTINGS)
    assert len(result.cells) > 20
    check(result)
