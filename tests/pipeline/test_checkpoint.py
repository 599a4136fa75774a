from contextlib import suppress

import numpy as np
import pytest

from cellapp.errors import Cancelled, InputError, ModelError
from cellapp.pipeline.checkpoint import open_checkpoint, temporary_checkpoint

KEY = {"settings": "a", "weights": {"net": "b"}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / ".image.work"


def leave(path, error=Cancelled, key=KEY):
    """Work that ends before its image is done."""

    def interrupted():
        with open_checkpoint(path, key, resume=False) as checkpoint:
            checkpoint.write("tile-1", labels=np.eye(3, dtype=np.uint16), n=np.int64(3))
            raise error("stopped")

    with pytest.raises(error):
        interrupted()


@pytest.mark.parametrize(("out", "stem"), [("file/out", "image"), ("file", "image"), ("out", "n" * 300)])
def test_what_cannot_be_written_is_named_as_users_know_it(tmp_path, out, stem):
    (tmp_path / "file").write_text("in the way of a folder")
    with (
        pytest.raises(OSError, match=r"\[Errno") as raised,
        open_checkpoint(tmp_path / out / f".{stem}.work", KEY, resume=False),
    ):
        pass
    assert raised.value.filename == str(tmp_path / out)


def resumed(path, key):
    """Whether work with this key finds the part that was left; it leaves it again."""
    with suppress(Cancelled), open_checkpoint(path, key, resume=True) as checkpoint:
        found = checkpoint.has("tile-1")
        raise Cancelled("again")
    return found


def test_parts_come_back_as_they_were_and_only_those_asked_for(path):
    with open_checkpoint(path, KEY, resume=False) as checkpoint:
        assert not checkpoint.has("tile-1")
        checkpoint.write("tile-1", labels=np.eye(3, dtype=np.uint16), n=np.int64(3))
        assert checkpoint.has("tile-1")
        found = checkpoint.read("tile-1")
        assert found["labels"].dtype == np.uint16
        np.testing.assert_array_equal(found["labels"], np.eye(3))
        assert set(checkpoint.read("tile-1", "n")) == {"n"}


def test_a_finished_image_leaves_nothing(path):
    with open_checkpoint(path, KEY, resume=False) as checkpoint:
        checkpoint.write("tile-1", labels=np.eye(3))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("error", [Cancelled, ModelError, KeyboardInterrupt])
def test_interrupted_work_goes_on_with_the_same_key_alone(path, error):
    leave(path, error)
    assert resumed(path, KEY)
    assert not resumed(path, KEY | {"settings": "b"})


def test_without_resume_work_begins_anew(path):
    leave(path)
    with open_checkpoint(path, KEY, resume=False) as checkpoint:
        assert not checkpoint.has("tile-1")


def test_an_image_that_cannot_be_used_leaves_nothing(path):
    leave(path, InputError)
    assert not path.exists()


def test_labels_are_on_disk_in_one_piece_or_not_at_all():
    with temporary_checkpoint() as checkpoint:
        with suppress(Cancelled), checkpoint.new_labels((4, 5)) as canvas:
            canvas[1] = 7
            raise Cancelled("stopped")
        assert not checkpoint.has_labels
        with checkpoint.new_labels((4, 5)) as canvas:
            assert not canvas.any()
            canvas[1] = 7
        assert checkpoint.has_labels
        labels = checkpoint.labels()
        assert labels.dtype == np.int32
        assert labels.sum() == 35
    assert labels.sum() == 35  # still readable by whoever holds it
