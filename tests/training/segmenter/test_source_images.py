"""Pictures by index and by seed, and which of them a split holds."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.training.segmenter.labelled_image import SIMULATED, Kind
from cellapp.training.segmenter.source_images import MIN_TO_HOLD_OUT, read_labelled_images
from cellapp.training.segmenter.split import is_held_out
from tests.segmentation.phantoms import discs
from tests.training.segmenter.conftest import write_index, write_picture


def test_a_split_holds_its_own_images(data):
    assert {p.name: p.kind for p in read_labelled_images(data, "train", 0)} == {
        "dsb2018_a": Kind.FLUORESCENCE,
        "usiigaci_c": Kind.PHASE,
    }
    assert [p.kind for p in read_labelled_images(data, "val", 0)] == [Kind.STAINED]


def test_fragments_of_phase_contrast_are_dropped(data):
    phase = next(p for p in read_labelled_images(data, "train", 0) if p.kind is Kind.PHASE)
    assert np.unique(phase.labels).tolist() == [0, 1, 2]


def test_synthetic_fields_differ_between_splits(tmp_path):
    train, val = (next(read_labelled_images(tmp_path, split, 1)) for split in ("train", "val"))
    assert train.name != val.name
    assert not np.array_equal(train.labels, val.labels)


def test_images_without_stain_differ_between_splits_and_are_of_every_kind(tmp_path):
    fields = {split: list(read_labelled_images(tmp_path, split, 0, n_label_free=1)) for split in ("train", "val")}
    assert [image.kind for image in fields["train"]] == list(SIMULATED.values())
    assert all(image.kind.label_free for image in fields["train"])
    for train, val in zip(*fields.values(), strict=True):
        assert train.name != val.name
        assert not np.array_equal(train.labels, val.labels)


def test_only_the_kinds_asked_for_are_read(data):
    kinds = [Kind.PHASE, Kind.SIMULATED_DIC]
    found = read_labelled_images(data, "train", 1, n_label_free=1, kinds=kinds)
    assert [image.kind for image in found] == kinds


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        list(read_labelled_images(tmp_path, "train", 0))


def test_held_out_images_are_settled_by_name_and_by_share():
    names = [f"image_{at}" for at in range(2000)]
    few, more = ({name for name in names if is_held_out(name, share)} for share in (0.1, 0.3))
    assert few < more
    assert len(few) == pytest.approx(200, rel=0.3)
    assert not any(is_held_out(name, 0.0) for name in names)


def test_training_and_choosing_share_no_image(tmp_path):
    truth = discs((24, 24), [(12, 12)], 6)
    names = [f"picture_{at}" for at in range(MIN_TO_HOLD_OUT)]
    for name in names:
        write_picture(tmp_path / "dsb2018", name, (truth * 200).astype(np.uint8), truth)
    rows = [{"id": name, "split": "train", "type": "fluorescence"} for name in names]
    write_index(tmp_path / "dsb2018", rows)
    train, choose = ({p.name for p in read_labelled_images(tmp_path, split, 0, 0.4)} for split in ("train", "choose"))
    assert train
    assert choose
    assert not train & choose
    assert train | choose == {f"dsb2018_{name}" for name in names}
    write_index(tmp_path / "dsb2018", rows[:-1])  # too few to spare any
    assert len(list(read_labelled_images(tmp_path, "train", 0, 0.4))) == MIN_TO_HOLD_OUT - 1


def test_an_index_cannot_name_pictures_elsewhere(data):
    write_index(data / "usiigaci", [{"file": "../../dsb2018/images/a", "split": "train"}])
    with pytest.raises(InputError, match=r"'usiigaci/index\.csv' refers to .*, which is not a file in its own folder"):
        list(read_labelled_images(data, "train", 0))
