import numpy as np

from cellapp.exports.embeddings import write_embeddings
from tests.exports.toy import HOSTILE, toy_analysis


def test_vectors_come_back_without_pickle(tmp_path):
    embeddings = toy_analysis(3)[0].embeddings
    path = write_embeddings(embeddings, tmp_path / "new" / "e.npz", files=["a", HOSTILE, "c"])
    with np.load(path, allow_pickle=False) as held:
        np.testing.assert_array_equal(held["features"], embeddings.features)
        np.testing.assert_array_equal(held["cell_ids"], embeddings.cell_ids)
        assert held["file"].tolist() == ["a", HOSTILE, "c"]
        assert str(held["encoder"]) == "made@1"
