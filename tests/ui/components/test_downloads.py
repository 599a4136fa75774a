"""Only files that exist are offered, and they are read on a click."""

import io
import zipfile

import numpy as np
from streamlit.runtime.download_data_util import convert_data_to_bytes_and_infer_mime

from cellapp.exports.label_image import write_labels
from cellapp.types.cells import LabelMask
from cellapp.ui.components import downloads
from cellapp.ui.components.sizes import size_text


def test_sizes_have_two_or_three_digits():
    texts = [size_text(n) for n in (0, 999, 1000, 312_000, 4_100_000, 1_230_000_000)]
    assert texts == ["0 bytes", "999 bytes", "1.0 kB", "312 kB", "4.1 MB", "1.2 GB"]


def test_only_files_that_exist_are_offered(tmp_path):
    assert downloads.image_downloads(tmp_path) == []
    (tmp_path / "cells.csv").write_text("x")
    assert [file.file_name for file in downloads.image_downloads(tmp_path)] == [f"{tmp_path.name}_cells.csv"]


def test_everything_is_one_zip(tmp_path):
    (tmp_path / "summary.csv").write_text("x")
    with downloads._pack(tmp_path) as packed:
        sent, _ = convert_data_to_bytes_and_infer_mime(packed, TypeError("Streamlit does not send this"))
    assert zipfile.ZipFile(io.BytesIO(sent)).namelist() == ["summary.csv"]


def test_masks_are_one_zip(tmp_path):
    write_labels(LabelMask(np.int32([[0, 1]]), "test"), tmp_path / "a" / "labels.tif")
    with downloads._pack_masks(tmp_path) as packed:
        sent, _ = convert_data_to_bytes_and_infer_mime(packed, TypeError("Streamlit does not send this"))
    assert zipfile.ZipFile(io.BytesIO(sent)).namelist() == ["a_masks.png", "images.csv"]
