"""ND2: positions, time points, planes and colours come back as they were written, frame by frame."""

import tracemalloc
import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from cellapp.errors import BudgetError, InputError
from cellapp.images.formats import nd2, nd2_frames
from cellapp.images.formats.nd2_frames import FrameReader
from cellapp.images.probe import probe, probe_all
from cellapp.images.read import open_slide, reads_regions
from cellapp.types.image import Selection
from tests.images.nd2_files import write_frames
from tests.images.slides import noise
from tests.paths import shared_data

PIXELS = noise(2, 3, 4, 2, 20, 30)  # T, P, Z, C, Y, X


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Two time points at three positions, four planes of depth, two channels."""
    path = tmp_path_factory.mktemp("nd2") / "series.nd2"
    return write_frames(path, PIXELS, ["DAPI", "1e3"], 0.5, positions=["A1", "", "A1"], period_ms=216_000_000.0)


def test_positions_and_time_points_are_listed(series):
    images = probe_all(series)
    assert [info.scene for info in images[::2]] == ["A1 (s01)", "s02", "A1 (s03)"]
    assert [info.time for info in images[:2]] == ["00d00h00m", "02d12h00m"]
    assert {(info.shape, info.n_planes, info.channels) for info in images} == {((2, 20, 30), 4, ("DAPI", "1e3"))}
    assert {info.um_per_px for info in images} == {0.5}


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("time", range(2))
def test_each_image_has_its_own_frames(series, time, position):
    planes = PIXELS[time, position]
    for depth, expected in ("max", planes.max(axis=0)), ("mean", np.rint(planes.mean(axis=0))), ("3", planes[2]):
        slide = open_slide(series, selection=Selection(position, time, depth))
        np.testing.assert_array_equal(slide.region(), expected)
        np.testing.assert_array_equal(slide.levels[0][1:, 5:9, 20:], expected[1:, 5:9, 20:])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours_are_red_green_and_blue(tmp_path, dtype):
    pixels = noise(1, 1, 1, 20, 30, 3, dtype=dtype)
    slide = open_slide(write_frames(tmp_path / "photo.nd2", pixels, ["Brightfield"], 1.5))
    assert (slide.info.channels, slide.info.is_photo) == (("red", "green", "blue"), True)
    np.testing.assert_array_equal(slide.region(), pixels[0, 0, 0].transpose(2, 0, 1))


@pytest.mark.parametrize(("bits", "known"), [(12, 12), (16, None)])
def test_bits_that_carry_values_are_told(tmp_path, bits, known):
    info = probe(write_frames(tmp_path / "camera.nd2", noise(1, 1, 1, 1, 8, 9), ["a"], bits=bits))
    assert (info.bits, len(info.notes)) == (known, int(bits == known))


def test_without_calibration_the_pixel_size_is_unknown(tmp_path):
    assert probe(write_frames(tmp_path / "bare.nd2", noise(1, 1, 1, 1, 8, 9), ["a"])).um_per_px is None


def test_without_a_period_time_is_as_it_was_measured(tmp_path):
    path = write_frames(tmp_path / "t.nd2", noise(3, 1, 1, 1, 8, 9), ["a"], times_ms=[500.0, 10_500.0, 30_500.0])
    assert [info.time for info in probe_all(path)] == ["00d00h00m00s", "00d00h00m10s", "00d00h00m30s"]


def test_missing_frames_are_told(tmp_path):
    path = write_frames(tmp_path / "stopped.nd2", noise(2, 1, 2, 1, 8, 9), ["a"], left_out=[3])
    assert "1 of 4 planes are not in the file; depth is reduced without them." in probe(path).notes


def test_a_frame_beyond_the_end_is_refused(tmp_path):
    path = write_frames(tmp_path / "short.nd2", noise(1, 1, 1, 1, 8, 9), ["a"])
    content = path.read_bytes()
    at = content.rindex(b"ImageDataSeq|0!") + len(b"ImageDataSeq|0!")
    path.write_bytes(content[:at] + len(content).to_bytes(8, "little") + content[at + 8 :])
    with pytest.raises(InputError, match="cut off"):
        probe(path)


def test_compressed_frames_come_back(tmp_path):
    path = write_frames(tmp_path / "a.nd2", PIXELS[:, :1], ["a", "b"], packed=zlib.compress, left_out=[6])
    slide = open_slide(path, selection=Selection(0, 0, "2"))
    np.testing.assert_array_equal(slide.region(), PIXELS[0, 0, 1])
    np.testing.assert_array_equal(open_slide(path, selection=Selection(0, 1)).region(), PIXELS[1, 0, [0, 1, 3]].max(0))


@pytest.mark.parametrize("n_bytes", [100, 10**8])
def test_a_compressed_frame_gives_as_much_as_the_header_declares(tmp_path, n_bytes):
    pixels = noise(1, 1, 1, 1, 8, 9)
    path = write_frames(tmp_path / "a.nd2", pixels, ["a"], packed=lambda _: zlib.compress(bytes(n_bytes), 1))
    tracemalloc.start()
    if n_bytes > pixels.nbytes:
        assert not open_slide(path).region().any()
    else:
        with pytest.raises(InputError, match="damaged|cannot be read"):
            open_slide(path).region()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 10**6


def test_frames_that_are_more_than_the_file_holds_are_refused_on_the_header(tmp_path, monkeypatch):
    path = write_frames(tmp_path / "a.nd2", noise(1, 1, 1, 1, 8, 9), ["a"], packed=zlib.compress)
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_BLOCK_BYTES", "100")
    with pytest.raises(BudgetError, match="144 bytes at a time"):
        probe(path)


@pytest.mark.parametrize(("loop", "what"), [("ZStackLoop", "planes of depth"), ("XYPosLoop", "images")])
def test_loops_of_impossible_length_are_refused_before_they_are_counted(series, monkeypatch, loop, what):
    opened = nd2._open

    def endless(path):
        file = opened(path)
        one = next(each for each in file.experiment if each.type == loop)
        file.__dict__["experiment"] = [SimpleNamespace(type=loop, count=2**40, parameters=one.parameters)]
        return file

    monkeypatch.setattr(nd2, "_open", endless)
    with pytest.raises(BudgetError, match=f"1,099,511,627,776 {what}"):
        probe(series)


class Compressed:
    """Stands for the package's file of a compressed ND2, which only the microscope's program can write."""

    components_per_channel = 1

    class attributes:  # noqa: N801 the package's name
        compressionType, channelCount, heightPx, widthPx = "lossless", 2, 20, 30

    def __init__(self) -> None:
        self.n_decoded = 0

    def read_frame(self, number: int) -> np.ndarray:
        self.n_decoded += 1
        packed = zlib.compress(PIXELS[0, 0, number].tobytes())
        return np.frombuffer(zlib.decompress(packed), np.uint16).reshape(2, 20, 30)

    def close(self) -> None: ...


@pytest.mark.parametrize(("room", "n_decoded"), [(2**20, 2), (3000, 8), (100, 8)])
def test_compressed_frames_are_kept_while_there_is_room(monkeypatch, room, n_decoded):
    monkeypatch.setattr(nd2_frames, "KEEP_BYTES", room)
    file = Compressed()
    reader = FrameReader(file)
    for number in (0, 1) * 4:
        np.testing.assert_array_equal(reader.read(number)[:, 0], PIXELS[0, 0, number])
    assert file.n_decoded == n_decoded


def test_a_compressed_file_that_cannot_be_kept_is_not_read_in_parts(series, monkeypatch):
    opened = nd2._open
    monkeypatch.setattr(nd2, "KEEP_BYTES", 0)
    assert reads_regions(series, probe(series))

    def compressed(path):
        file = opened(path)
        file.attributes = file.attributes._replace(compressionType="lossless")
        return file

    monkeypatch.setattr(nd2, "_open", compressed)
    assert not reads_regions(series, probe(series))


def test_a_file_of_an_instrument():
    path = shared_data("instrument_files/nd2/cluster.nd2")
    images = probe_all(path)
    assert [info.time for info in images] == ["00d00h00m00s", "00d00h00m11s", "00d00h00m21s"]
    assert {(info.shape, info.n_planes) for info in images} == {((2, 31, 38), 10)}
    assert images[0].channels == ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")
    assert images[0].um_per_px == pytest.approx(0.1678, abs=1e-4)
    whole = open_slide(path, selection=Selection(time=1)).region()
    planes = [open_slide(path, selection=Selection(0, 1, str(z + 1))).region() for z in range(10)]
    np.testing.assert_array_equal(whole, np.max(planes, axis=0))
    np.testing.assert_array_equal(planes, nd2._library().imread(path)[1])
