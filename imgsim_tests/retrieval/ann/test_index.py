"""The contract of an index, held by every library."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.build import Asked, load_index
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.faiss_index import load_faiss
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.vectors import built, served_vectors

KINDS = {
    "auto": Faiss(),
    "flat": Faiss(kind="flat"),
    "hnsw": Faiss(kind="hnsw"),
    "ivf": Faiss(kind="ivf"),
    "sq8": Faiss(kind="sq8"),
    "ivf_pq": Faiss(kind="ivf_pq"),
    "annoy": Annoy(),
    "annoy by angle": Annoy(metric="angular"),
    "annoy by distance": Annoy(metric="euclidean"),
}
ROOT = Path(__file__).parents[3]


def kind_of(settings):
    """Name the kind of index that the settings describe, of 256 vectors or more."""
    if isinstance(settings, Annoy):
        return settings.metric
    return "flat" if settings.kind == "auto" else settings.kind


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request):
    return request.param


def test_finds_what_exact_search_finds(kind):
    gallery, queries, _ = served_vectors()
    ids, scores = exact_neighbours(gallery, queries, 10)
    found = search(built(kind, gallery), gallery, queries, 10)
    assert (found.ids[:, :, None] == ids[:, None, :]).any(axis=2).mean() >= 0.98
    same = (found.ids == ids).all(axis=1)
    np.testing.assert_array_equal(found.scores[same], scores[same])
    assert found.short_lists == 0


def test_flat_is_exact():
    gallery, queries, _ = served_vectors(seed=5)
    found = search(built(Faiss(kind="flat"), gallery), gallery, queries, 10)
    np.testing.assert_array_equal(found.ids, exact_neighbours(gallery, queries, 10)[0])


def test_built_ten_times_and_loaded_it_answers_the_same_from_the_same_bytes(kind, tmp_path):
    gallery, queries, _ = served_vectors()
    first = built(kind, gallery)
    for number in range(10):
        built(kind, gallery).save(tmp_path / str(number))
    assert len({(tmp_path / str(number)).read_bytes() for number in range(10)}) == 1
    first.save(tmp_path / "first")
    again = load_index(kind_of(kind), tmp_path / "first", gallery, Asked.of(first))
    assert (again.size, again.dimension) == gallery.shape
    np.testing.assert_array_equal(search(first, gallery, queries, 10).ids, search(again, gallery, queries, 10).ids)


@pytest.mark.parametrize(("kind", "share"), [("flat", 1.0), ("sq8", 0.25), ("ivf_pq", 0.125)])
def test_what_is_compressed_is_as_small_as_promised_and_finds_as_much(kind, share, tmp_path):
    gallery, queries, _ = served_vectors(classes=80, photos=30)
    index = built(Faiss(kind=kind), gallery)
    index.save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_size < (share + 0.03) * gallery.nbytes
    ids = exact_neighbours(gallery, queries, 10)[0]
    assert (search(index, gallery, queries, 10).ids[:, :, None] == ids[:, None, :]).any(axis=2).mean() >= 0.98


def test_codes_that_hardly_tell_photos_apart_are_asked_for_more():
    """120 photos of a class lie on a few of the 256 steps that a code has."""
    likeness = np.linspace(0.98, 1.0, 120) * 0.01
    gallery = np.array([[side == 0, side == 1, sign * one] for side, sign in ((0, 1), (1, -1)) for one in likeness])
    gallery = np.random.default_rng(0).permutation(gallery.astype(np.float32))
    queries = np.array([[1, 0, 1], [0, 1, -1]], dtype=np.float32)
    index = built(Faiss(kind="sq8", recall=1.0), gallery, queries)
    assert index.overfetch > 2
    np.testing.assert_array_equal(search(index, gallery, queries, 10).ids, exact_neighbours(gallery, queries, 10)[0])


@pytest.mark.parametrize("kind", ["ivf", "ivf_pq"])
def test_shards_that_are_merged_are_the_index_that_one_thread_fills(kind, tmp_path, monkeypatch):
    gallery, queries, _ = served_vectors(classes=40, photos=30)
    whole = build_faiss(gallery, kind, 0)
    monkeypatch.setattr("imgsim_assets.retrieval.ann.faiss_build.SHARD", 257)
    monkeypatch.setattr("imgsim_assets.retrieval.ann.rows.BLOCK", 100)
    for name in ("first", "second"):
        build_faiss(gallery, kind, 0).save(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    merged = load_faiss(tmp_path / "first", gallery.shape[1])
    np.testing.assert_array_equal(merged.candidates(queries, 50), whole.candidates(queries, 50))


def test_too_few_photos_for_a_code_are_kept_whole():
    gallery, queries, _ = served_vectors(classes=10, photos=20)
    few = built(Faiss(kind="ivf_pq"), gallery)
    np.testing.assert_array_equal(
        few.candidates(queries, 10), built(Faiss(kind="ivf"), gallery).candidates(queries, 10)
    )


@pytest.mark.parametrize("size", [1, 3, 12])
def test_small_galleries_give_all_they_have(kind, size):
    gallery, queries, _ = served_vectors()
    found = search(built(kind, gallery[:size]), gallery[:size], queries, 10)
    assert ((found.ids >= 0).sum(axis=1) == min(size, 10)).all()


def test_photos_that_do_not_differ(kind):
    gallery, queries = np.zeros((60, 3), dtype=np.float32), np.ones((2, 3), dtype=np.float32)
    found = search(built(kind, gallery), gallery, queries, 10)
    assert all(len(set(row)) == 10 for row in found.ids.tolist())


def test_absent_damaged_and_foreign_files_are_refused(kind, tmp_path):
    gallery, _, _ = served_vectors()
    built(kind, gallery).save(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2 - 3])
    other = np.random.default_rng(0).permutation(gallery)
    built(kind, other).save(tmp_path / "foreign")
    built(kind, gallery[:-1]).save(tmp_path / "shorter")
    for name in ("absent", "cut", "foreign", "shorter"):
        with pytest.raises(ArtefactError, match="build the index again"):
            load_index(kind_of(kind), tmp_path / name, gallery, Asked(None, 5))


PROGRAM = """
import sys, numpy as np
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.vectors import built
from imgsim_tests.retrieval.heads import draw_head, draw_pool
from imgsim_tests.retrieval.synthetic import draw_photos
vectors, classes = draw_photos(classes=30, photos=20, width=200)
pool = draw_pool(vectors, classes, clusters=30)
head, coordinates = draw_head(vectors, classes)
gallery = gallery_vectors(head, coordinates, classes)
queries = query_vectors(head, coordinates[::3] + 0.1, gallery)
parts = [pool.diffused, pool.clusters.numbers, pool.clusters.membership, head.metric.projection, gallery, queries]
for kind in (Faiss(), Faiss(kind="hnsw"), Faiss(kind="ivf"), Faiss(kind="sq8"), Faiss(kind="ivf_pq"), Annoy()):
    found = search(built(kind, gallery), gallery, queries, 10)
    parts += [found.ids, found.scores]
    reranked = search(built(kind, gallery), gallery, queries, 10, reciprocal=True)
    parts += [reranked.ids, reranked.scores]
for changes in ({"projection": True}, {"augmentation": True, "expansion": True}, {"evidence": "glrt"}):
    head, coordinates = draw_head(vectors, classes, **changes)
    gallery = gallery_vectors(head, coordinates, classes)
    parts += [head.metric.projection, gallery, query_vectors(head, coordinates[::3] + 0.1, gallery)]
sys.stdout.buffer.write(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
"""


@pytest.mark.slow
def test_one_and_two_threads_give_the_same_bytes():
    outputs = []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=os.environ | dict.fromkeys(names, threads),
            capture_output=True,
            check=True,
        )
        outputs.append(done.stdout)
    assert len(outputs[0]) > 10_000
    assert outputs[0] == outputs[1]
