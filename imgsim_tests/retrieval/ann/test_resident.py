import numpy as np
import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann import resident
from imgsim_assets.retrieval.ann.annoy_index import build_annoy
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.resident import MEMORY, resident_bytes

VECTORS = np.random.default_rng(0).normal(size=(50_000, 128)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.skipif(not MEMORY.exists(), reason="the system has no /proc")
def test_what_a_query_touches_is_resident(tmp_path):
    build_faiss(VECTORS, "flat", 0).save(tmp_path / "flat")
    build_faiss(VECTORS, "ivf_pq", 0).save(tmp_path / "ivf_pq")
    build_annoy(VECTORS, 5, 0).save(tmp_path / "annoy")
    flat = resident_bytes("flat", tmp_path / "flat", None, VECTORS[:50])
    coded = resident_bytes("ivf_pq", tmp_path / "ivf_pq", 4, VECTORS[:50])
    trees = resident_bytes("dot", tmp_path / "annoy", 500, VECTORS[:50])
    assert VECTORS.nbytes <= flat < 2 * VECTORS.nbytes
    assert coded < flat / 2
    assert 0 < trees < 2 * (tmp_path / "annoy").stat().st_size


@pytest.mark.skipif(not MEMORY.exists(), reason="the system has no /proc")
def test_an_index_that_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "index").write_bytes(b"no index")
    with pytest.raises(ArtefactError, match="build the index again"):
        resident_bytes("flat", tmp_path / "index", None, VECTORS[:1])


def test_a_system_that_does_not_tell_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(resident, "MEMORY", tmp_path / "absent")
    assert resident_bytes("flat", tmp_path / "index", None, VECTORS[:1]) is None
