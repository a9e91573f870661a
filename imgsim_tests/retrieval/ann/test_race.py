"""The fastest kind that reaches the recall; what is measured here is a toy, so speeds are given."""

import numpy as np
import pytest

from imgsim_assets.retrieval.ann import race as racing
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss, expected_bytes
from imgsim_assets.retrieval.ann.least_effort import reached
from imgsim_assets.retrieval.ann.race import race
from imgsim_tests.retrieval.ann.vectors import served_vectors

GALLERY, PROBES, _ = served_vectors(classes=60, photos=40, queries=150)
NO_LIMIT = {"seed": 0, "memory": None, "patience": 1e9}


@pytest.fixture
def speeds(monkeypatch):
    """Let each kind be as fast as is said, as a power of the number of vectors."""
    said = {}

    def measured(indices, vectors, probes):
        return [said[index.kind][0] * len(vectors) ** said[index.kind][1] for index in indices]

    monkeypatch.setattr(racing, "_speeds", measured)
    return said


@pytest.mark.slow
def test_really_measured_the_winner_is_the_fastest_of_those_that_were_tried():
    index, tried = race(GALLERY, PROBES, recall=0.95, **NO_LIMIT)
    taken = tried.filter("taken")
    assert taken.select("kind", "effort", "overfetch").row(0) == (index.kind, index.effort, index.overfetch)
    assert tried["queries_per_second"].max() <= racing.CLEARLY * taken["queries_per_second"].item()
    assert set(tried["kind"]) == {"flat", "ivf", "ivf_pq", "hnsw"}
    assert (tried["recall_at_10"] >= 0.95).all()
    assert reached(index, GALLERY, PROBES, exact_neighbours(GALLERY, PROBES, 10)[1]) >= 0.95


@pytest.mark.parametrize("fastest", ["flat", "ivf", "ivf_pq", "hnsw"])
def test_the_fastest_is_taken(fastest, speeds):
    speeds.update({kind: (200.0 if kind == fastest else 100.0, 0.0) for kind in racing.KINDS})
    assert race(GALLERY, PROBES, recall=0.95, **NO_LIMIT)[0].kind == fastest


def test_what_is_hardly_faster_is_not_worth_its_building(speeds):
    speeds.update(flat=(100.0, 0.0), ivf=(104.0, 0.0), ivf_pq=(104.0, 0.0), hnsw=(104.0, 0.0))
    assert race(GALLERY, PROBES, recall=0.95, **NO_LIMIT)[0].kind == "flat"


def test_memory_shuts_out_what_is_too_large(speeds):
    speeds.update({kind: (100.0, 0.0) for kind in racing.KINDS})
    limit = expected_bytes("sq8", *GALLERY.shape)
    index, tried = race(GALLERY, PROBES, recall=0.9, seed=0, memory=limit, patience=1e9)
    assert set(tried["kind"]) == {"sq8", "ivf_pq"} - ({"ivf_pq"} if _too_large("ivf_pq", limit) else set())
    assert index.kind == "sq8"
    tiny, _ = race(GALLERY, PROBES, recall=0.9, seed=0, memory=1, patience=1e9)
    assert tiny.kind == "ivf_pq"


def _too_large(kind, limit):
    return expected_bytes(kind, *GALLERY.shape) > limit


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flat", "sq8", "hnsw", "ivf", "ivf_pq"])
def test_the_bytes_that_are_expected_are_those_of_the_file(kind, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
    build_faiss(vectors, kind, 0).save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_size == pytest.approx(expected_bytes(kind, 20_000, 64), rel=0.1)


@pytest.mark.slow
def test_of_many_samples_race_first_and_the_hopeless_are_not_built_on_all(speeds, monkeypatch):
    monkeypatch.setattr(racing, "HEATS", (400, 800))
    # Extended from 800 to 2,400 the flat index falls behind, and HNSW comes up.
    speeds.update(flat=(1e6, -1.0), ivf=(3e3, -0.05), ivf_pq=(1.0, 0.0), hnsw=(2.9e3, 0.0))
    index, tried = race(GALLERY, PROBES, recall=0.9, **NO_LIMIT)
    assert index.kind == "hnsw"
    assert tried.filter(vectors=len(GALLERY))["kind"].to_list() == ["ivf", "hnsw"]
    assert tried.filter(vectors=400)["kind"].to_list() == ["flat", "ivf", "ivf_pq", "hnsw"]
    impatient, _ = race(GALLERY, PROBES, recall=0.9, seed=0, memory=None, patience=1e-9)
    assert impatient.kind == "flat"


def test_where_none_reaches_the_recall_the_nearest_is_taken(speeds, monkeypatch):
    speeds.update({kind: (100.0, 0.0) for kind in racing.KINDS})
    monkeypatch.setattr(racing, "KINDS", ("ivf_pq", "ivf_pq"))
    monkeypatch.setattr(racing, "OVERFETCHES", {"ivf_pq": (1,)})
    index, tried = race(GALLERY, PROBES, recall=1.0, **NO_LIMIT)
    assert index.effort == index.most_effort
    assert tried["recall_at_10"].max() < 1.0
