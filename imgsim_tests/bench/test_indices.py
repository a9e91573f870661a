"""The benchmark of indices, on little: that it measures what it says, not how fast anything is."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from imgsim_assets.cli import cli
from imgsim_assets.errors import InputError
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_bench import indices, peers, vector_tasks
from imgsim_bench.index_tables import in_markdown, write_plot
from imgsim_bench.indices import RECALLS, Task, measure_indices
from imgsim_bench.peers import RIVALS
from imgsim_bench.vector_tasks import drawn_task, read_size, read_tasks, served_task
from imgsim_bench.vectors import draw_mixture
from imgsim_tests.workplace import Workplace

OURS = ["flat", "sq8", "ivf", "ivf_pq", "hnsw", "annoy"]


@pytest.fixture(scope="module")
def task() -> Task:
    mixture = draw_mixture(1500, 24, seed=0)
    vectors, probes, queries = (mixture.draw(count, seed) for seed, count in enumerate((1500, 200, 200)))
    return Task("1,500 of 24", vectors, probes, queries)


@pytest.mark.slow
def test_every_kind_is_measured_and_auto_is_held_against_the_best(task, tmp_path, monkeypatch):
    monkeypatch.setattr(indices, "FINAL_ROUNDS", 3)
    measured = measure_indices(task, [*OURS, "hnswlib", "usearch"], threads=2, memory_mb=None)
    points = measured.points
    assert set(points["library"]) == {"imgsim", "hnswlib", "usearch"}
    assert {kind.split(" ")[0] for kind in points.filter(library="imgsim")["kind"]} == set(OURS)
    assert points.filter(kind="flat")["recall_at_10"].to_list() == [1.0]
    assert points["recall_at_10"].is_between(0, 1).all()
    assert points.group_by("library", "kind").agg(best=points["recall_at_10"].max())["best"].min() > RECALLS[-1]
    assert measured.costs.filter(library="imgsim")["kind"].to_list() == OURS
    assert (measured.costs.filter(library="imgsim")["add_seconds"] > 0).all()
    assert measured.losses["asked"].unique().sort().to_list() == list(RECALLS)
    assert (measured.losses["reached"] > measured.losses["asked"] - 0.03).all()
    assert (measured.losses["loss"] < 1).all()
    assert json.loads(json.dumps(measured.as_json()))["task"] == task.name
    page = in_markdown(measured)
    assert "| imgsim | flat |" in page
    assert page.count("\n| 0.95 |") == 3
    assert write_plot(measured, tmp_path / "plots").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["hnswlib", "usearch"])
def test_rivals_answer_by_inner_product(name, task):
    rival = RIVALS[name](task.vectors, 2)
    found = rival.ways[-1].ask(task.queries)
    exact = exact_neighbours(task.vectors, task.queries, 10)[0]
    assert found.shape == exact.shape
    assert (found[:, :, None] == exact[:, None, :]).any(axis=2).mean() > 0.99


def test_without_autofaiss_a_reason_is_given(task, monkeypatch):
    monkeypatch.setattr(peers, "AUTOFAISS", ("no-such-package-of-imgsim==1",))
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert RIVALS["autofaiss"](task.vectors, 1).startswith("autofaiss could not be run: ")


def test_drawn_vectors_have_norm_one_and_come_in_blocks_that_change_nothing(monkeypatch):
    mixture = draw_mixture(3000, 32, seed=0)
    whole = mixture.draw(700, seed=1)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(whole, draw_mixture(3000, 32, seed=0).draw(700, seed=1))
    assert not np.array_equal(whole, mixture.draw(700, seed=2))
    nearest = np.sort(whole @ whole.T, axis=1)[:, -2]
    assert nearest.mean() > np.abs(whole @ whole.T).mean() + 0.1, "there are classes"


def test_large_ones_are_mapped_from_a_file(monkeypatch):
    small = drawn_task(2000, 16)
    monkeypatch.setattr(vector_tasks, "MAPPED_FROM", 1)
    mapped = drawn_task(2000, 16)
    assert isinstance(mapped.vectors, np.memmap)
    np.testing.assert_array_equal(mapped.vectors, small.vectors)


def test_sizes_are_read_or_refused():
    assert read_size("10000x512") == (10_000, 512)
    for words in ("10000", "0x4", "4x", "axb", "10 x 4"):
        with pytest.raises(InputError, match="COUNTxDIMENSIONS"):
            read_size(words)


def test_unknown_kinds_are_refused(task):
    with pytest.raises(InputError, match=r"flat, .*autofaiss; found cover_tree"):
        measure_indices(task, ["cover_tree"], threads=1, memory_mb=None)


@pytest.mark.slow
def test_served_vectors_are_measured_too(synced_once: Workplace):
    settings = synced_once.settings()
    served = served_task(settings)
    assert served.vectors.shape[1] == served.queries.shape[1] == served.probes.shape[1]
    assert [one.name for one in read_tasks(settings, (), served=True)] == [served.name]


@pytest.mark.slow
def test_the_command_prints_a_table(monkeypatch):
    monkeypatch.setattr(indices, "FINAL_ROUNDS", 1)
    chosen = ["--drawn", "300x16", "--queries", "50", "--only", "flat", "--only", "ivf"]
    done = CliRunner().invoke(cli, ["bench", "indices", *chosen])
    assert done.exit_code == 0, done.output
    assert "### 300 drawn vectors of 16 dimensions" in done.output
