"""One chain, fitted to the slide, from raw pixels to 0..1."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.errors import InputError
from cellapp.images.preprocess import DENOISE_ROUNDS, ChannelStats, Preprocessor
from cellapp.settings import PreprocessSettings
from cellapp.types.image import Region
from tests.images.slides import Undecodable, noise, slide_of

OFF = PreprocessSettings(clip=False, normalise=False)
STEPS = {
    "default": PreprocessSettings(),
    "off": OFF,
    "normalise": PreprocessSettings(clip=False),
    "clahe": PreprocessSettings(clahe=True),
    "denoise": PreprocessSettings(denoise=True),
    "all": PreprocessSettings(clahe=True, denoise=True, align=True),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "bool"])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_every_chain_gives_float32_of_the_same_shape_between_0_and_1(steps, dtype):
    pixels = noise(3, 40, 50, dtype=dtype) if dtype != "bool" else noise(3, 40, 50) > 2**15
    processed = Preprocessor.fit(slide_of(pixels), steps).apply(pixels)
    assert processed.shape == pixels.shape
    assert processed.dtype == np.float32
    assert 0 <= processed.min() < processed.max() <= 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 30), (1, 40, 50), (1, 3, 3)])
@pytest.mark.parametrize("value", [0, 9, 65_535])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_an_image_of_one_value_is_safe(steps, value, shape):
    pixels = np.full(shape, value, np.uint16)
    processed = Preprocessor.fit(slide_of(pixels), steps).apply(pixels)
    assert np.isfinite(processed).all()
    assert np.ptp(processed) == pytest.approx(0, abs=1e-6)
    if steps.clip or steps.normalise:
        assert not processed.any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 1), (1, 5, 7)])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_tiny_crops_are_processed(steps, shape):
    slide = slide_of(noise(shape[0], 40, 50))
    crop = slide.region(Region(0, 0, *shape[1:]))
    assert Preprocessor.fit(slide, steps).apply(crop).shape == shape


def test_a_region_comes_out_as_in_the_whole():
    slide = slide_of(noise(2, 60, 70))
    chain = Preprocessor.fit(slide, PreprocessSettings())
    box = Region(10, 20, 30, 25)
    np.testing.assert_array_equal(chain.apply(slide.region(box)), chain.apply(slide.region())[:, *box.slices])


@pytest.fixture(scope="module")
def scene():
    """Spots on light that falls off, two channels; with what each chain makes of the whole."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:230, :340]
    spots = ndimage.gaussian_filter(rng.random((2, 230, 340)) > 0.995, (0, 4, 4), output=float) * 4e5
    slide = slide_of((spots + 40 * y + 10 * x + rng.normal(0, 300, y.shape)).clip(0).astype(np.uint16))
    chains = {name: Preprocessor.fit(slide, steps) for name, steps in STEPS.items()}
    return slide, {name: (chain, chain.read(slide)) for name, chain in chains.items()}


@given(
    box=st.builds(Region, *[st.integers(-30, 330)] * 2, *[st.integers(1, 400)] * 2), name=st.sampled_from(list(STEPS))
)
@settings(max_examples=40, deadline=None)
def test_any_window_is_processed_as_in_the_whole(scene, box, name):
    slide, of_whole = scene
    chain, whole = of_whole[name]
    rows, columns = (slice(max(part.start, 0), max(part.stop, 0)) for part in box.slices)
    np.testing.assert_array_equal(chain.read(slide, box), whole[:, rows, columns])


def test_a_window_reads_no_more_than_a_margin_around_it(scene):
    slide, of_whole = scene
    seen = []

    class Watched:
        shape, dtype = slide.levels[0].shape, slide.levels[0].dtype

        def __getitem__(self, key):
            seen.append(key)
            return slide.levels[0][key]

    watched = replace(slide, levels=(Watched(),))
    of_whole["clahe"][0].read(watched, Region(100, 150, 20, 30))
    of_whole["denoise"][0].read(watched, Region(100, 150, 20, 30))
    near = DENOISE_ROUNDS
    assert seen[0][1:] == (slice(100, 120), slice(150, 180))
    assert seen[1][1:] == (slice(100 - near, 120 + near), slice(150 - near, 180 + near))


def test_missing_pixels_are_refused_where_they_are_read():
    pixels = np.ones((1, 30, 30), np.float32)
    pixels[0, 20, 20] = np.nan
    slide = slide_of(pixels)
    chain = Preprocessor.fit(slide, PreprocessSettings())
    assert chain.read(slide, Region(0, 0, 10, 10)).shape == (1, 10, 10)
    with pytest.raises(InputError, match="1 NaN"):
        chain.read(slide, Region(15, 15, 10, 10))


def test_an_empty_region_is_an_empty_result():
    slide = slide_of(noise(2, 20, 20))
    for steps in STEPS.values():
        assert Preprocessor.fit(slide, steps).read(slide, Region(99, 99, 5, 5)).shape == (2, 0, 0)


def test_two_outliers_do_not_change_the_stretch():
    pixels = noise(1, 100, 100, dtype="uint8").astype(np.uint16)
    spoilt = pixels.copy()
    spoilt[0, 0, 0], spoilt[0, 0, 1] = 65_535, 60_000
    plain, hot = (Preprocessor.fit(slide_of(p), PreprocessSettings()).apply(p) for p in (pixels, spoilt))
    np.testing.assert_array_equal(hot[0, 1:], plain[0, 1:])
    assert hot[0, 0, :2].tolist() == [1, 1]


@settings(max_examples=30)
@given(scale=st.sampled_from([0.5, 2.0, 3.0, 100.0]), offset=st.integers(-1000, 1000))
def test_brightness_and_gain_of_the_camera_cancel_out(scale, offset):
    pixels = noise(1, 30, 30, dtype="uint8").astype(np.float64)
    other = pixels * scale + offset
    plain, changed = (Preprocessor.fit(slide_of(p), PreprocessSettings()).apply(p) for p in (pixels, other))
    np.testing.assert_allclose(changed, plain, atol=1e-4)


def test_order_of_values_is_kept_over_all_16_bits():
    ramp = np.arange(2**16, dtype=np.uint16).reshape(1, 256, 256)
    for steps in (OFF, PreprocessSettings(clip=False), PreprocessSettings()):
        processed = Preprocessor.fit(slide_of(ramp), steps).apply(ramp).ravel()
        assert (np.diff(processed) >= 0).all()
        assert (processed[0], processed[-1]) == (0, 1)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[[0, 51, 255]]], np.uint8), [0, 0.2, 1]),
        (np.array([[[0, 13_107, 65_535]]], np.uint16), [0, 0.2, 1]),
        (np.array([[[0.25, 0.5, 0.75]]], np.float32), [0.25, 0.5, 0.75]),
        (np.array([[[-10.0, 0.0, 30.0]]]), [0, 0.25, 1]),
        (np.array([[[False, True]]]), [0, 1]),
    ],
)
def test_without_stretching_the_type_gives_the_scale(pixels, expected):
    processed = Preprocessor.fit(slide_of(pixels), OFF).apply(pixels)
    np.testing.assert_allclose(processed.ravel(), expected, atol=1e-6)


def test_clahe_lifts_local_contrast_and_denoising_lowers_variation():
    y, x = np.mgrid[:64, :64]
    dim = (1000 + 400 * np.sin(x / 3) + 20_000 * (y > 50)).astype(np.uint16)[None]
    noisy = slide_of(noise(1, 64, 64))
    plain, clahe, denoised = PreprocessSettings(), PreprocessSettings(clahe=True), PreprocessSettings(denoise=True)
    contrast = [Preprocessor.fit(slide_of(dim), s).apply(dim)[0, :30].std() for s in (plain, clahe)]
    variation = [np.abs(np.diff(Preprocessor.fit(noisy, s).apply(noisy.region()))).sum() for s in (plain, denoised)]
    assert contrast[1] > 2 * contrast[0]
    assert variation[1] < 0.8 * variation[0]


def test_channels_are_independent_and_can_be_picked():
    slide = slide_of(noise(3, 20, 20))
    chain = Preprocessor.fit(slide, PreprocessSettings(clahe=True))
    whole = chain.apply(slide.region())
    np.testing.assert_array_equal(chain.apply(slide.region()[[2, 0]], channels=[2, 0]), whole[[2, 0]])
    with pytest.raises(InputError, match="fitted to 3 channels"):
        chain.apply(slide.region()[:2])


def test_statistics_are_of_finite_pixels():
    plane = np.array([[[np.nan, 1.0, 5.0, np.inf]]])
    settings = PreprocessSettings(clip_low=0, clip_high=100)
    assert Preprocessor.fit(slide_of(plane), settings).stats == (ChannelStats(1.0, 5.0, 1.0, 5.0),)
    nothing = Preprocessor.fit(slide_of(np.full((1, 2, 2), np.nan)), settings)
    assert nothing.stats == (ChannelStats(0.0, 0.0, 0.0, 0.0),)


def test_statistics_come_from_an_overview():
    coarse = noise(1, 2500, 2500, dtype="uint8")
    (stats,) = Preprocessor.fit(slide_of(Undecodable(1, 5000, 5000), coarse), PreprocessSettings()).stats
    assert (stats.minimum, stats.maximum) == (0, 255)


def test_the_digest_names_the_settings_and_nothing_else():
    digests = {Preprocessor(settings, ()).digest for settings in STEPS.values()}
    assert len(digests) == len(STEPS)
    assert Preprocessor(OFF, (ChannelStats(0, 1, 0, 1),), 30.0).digest == Preprocessor(OFF, ()).digest


def test_the_angle_is_measured_only_when_asked_for():
    y, x = np.mgrid[:200, :200]
    turned = np.deg2rad(20)
    stripes = slide_of(np.sin((y * np.cos(turned) + x * np.sin(turned)) / 2.5)[None])
    assert Preprocessor.fit(stripes, PreprocessSettings()).angle_deg == 0
    assert Preprocessor.fit(stripes, PreprocessSettings(align=True)).angle_deg == pytest.approx(20, abs=1)


@pytest.mark.parametrize("steps", [PreprocessSettings(), OFF, PreprocessSettings(clahe=True)])
def test_a_crop_by_itself_is_processed_like_a_slide_of_nothing_else(steps):
    pixels = noise(3, 40, 50)
    alone = Preprocessor.fit_crop(pixels, steps).apply(pixels)
    np.testing.assert_array_equal(alone, Preprocessor.fit(slide_of(pixels), steps).apply(pixels))


@pytest.mark.parametrize(("dtype", "bits", "low", "high"), [("uint16", 12, 0, 4095), ("uint16", None, 0, 65_535)])
def test_without_clipping_integers_are_scaled_by_the_bits_that_carry_values(dtype, bits, low, high):
    plain = slide_of(np.array([[[low, high // 2, high]]], dtype))
    slide = replace(plain, info=replace(plain.info, bits=bits))
    chain = Preprocessor.fit(slide, PreprocessSettings(clip=False, normalise=False))
    np.testing.assert_allclose(chain.read(slide)[0, 0], [0, 0.5, 1], atol=1e-3)


def test_negative_values_are_scaled_like_others():
    pixels = np.arange(-120, 120, dtype=np.int16).reshape(1, 12, 20)
    shifted = (pixels + 120).astype(np.uint16)
    settings = PreprocessSettings()
    chains = [Preprocessor.fit(slide_of(each), settings).read(slide_of(each)) for each in (pixels, shifted)]
    np.testing.assert_allclose(*chains, atol=1e-6)
