"""Which kind of FAISS index answers fastest with the recall that is asked: measured, on the vectors themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import polars as pl

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss, expected_bytes
from imgsim_assets.retrieval.ann.faiss_index import FaissIndex
from imgsim_assets.retrieval.ann.least_effort import reached, with_least_effort
from imgsim_assets.retrieval.ann.protocol import LIST, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import timed_search

# What is quicker to build comes first: it is taken where another is not clearly faster.
KINDS = ("flat", "sq8", "ivf", "ivf_pq", "hnsw")
CLEARLY = 1.05
OVERFETCHES = {"ivf_pq": (5, 10, 20, 40)}
HEATS = (5_000, 20_000)
HOPELESS = 0.5
ROUNDS, LONG = 5, 10.0  # fewer rounds where they take so many seconds
TRIED = {
    "vectors": pl.Int64,
    "kind": pl.String,
    "effort": pl.Int64,
    "overfetch": pl.Int64,
    "recall_at_10": pl.Float64,
    "queries_per_second": pl.Float64,
    "build_seconds": pl.Float64,
    "taken": pl.Boolean,
}


@dataclass(frozen=True)
class Runner:
    """A kind, built over the first vectors of a gallery (or all) and set to reach the recall."""

    index: FaissIndex
    recall: float
    speed: float
    build_seconds: float


def race(
    vectors: Vectors, probes: Vectors, *, recall: float, seed: int, memory: int | None, patience: float
) -> tuple[FaissIndex, pl.DataFrame]:
    """Build the kinds that may win, set each to the least effort that reaches the recall, and take the fastest.

    Of more than 20,000 vectors, samples of 5,000 and 20,000 race first. What they show of rate and building time is
    extended to all as powers of the number, and only kinds that are not hopeless then are built on all.

    Args:
        vectors: float32 [n, d].
        probes: float32 [p, d], queries to try them on.
        recall: recall@10 to reach, on the probes.
        seed: of lists, codes and graph.
        memory: bytes that the index may take; None: any.
        patience: seconds that building it may take.

    Returns:
        The winner, and a row (`TRIED`) for each kind at each size that was tried. Where none reaches the recall, the
        one that comes nearest to it.
    """
    entrants = [kind for kind in KINDS if memory is None or expected_bytes(kind, *vectors.shape) <= memory]
    entrants = [kind for kind in entrants if kind != "sq8" or "flat" not in entrants] or [KINDS[-2]]
    rows = []
    if len(vectors) > HEATS[-1]:
        heats = [_run(evenly(vectors, size), probes, entrants, recall, seed) for size in HEATS]
        rows += [_row(size, runner) for size, heat in zip(HEATS, heats, strict=True) for runner in heat]
        entrants = list(_hopeful(heats, len(vectors), patience))
    final = _run(vectors, probes, entrants, recall, seed)
    winner = _winner(final, recall)
    rows += [_row(len(vectors), runner, taken=runner is winner) for runner in final]
    return winner.index, pl.DataFrame(rows, schema=TRIED, orient="row")


def _run(vectors: Vectors, probes: Vectors, kinds: Sequence[str], recall: float, seed: int) -> list[Runner]:
    _, exact = exact_neighbours(vectors, probes, LIST)
    runners = []
    for kind in kinds:
        started = perf_counter()
        built = build_faiss(vectors, kind, seed)
        seconds = perf_counter() - started
        tried = [built.asked_with(0, many) for many in OVERFETCHES.get(kind, (built.overfetch,))]
        set_up = [with_least_effort(index, vectors, probes, exact, recall) for index in tried]
        ready = [index for index in set_up if index is not None] or [_at_most(tried[-1])]
        speeds = _speeds(ready, vectors, probes)
        fastest = ready[int(np.argmax(speeds))]
        found = reached(fastest, vectors, probes, exact)
        runners.append(Runner(fastest, found, float(np.max(speeds)), seconds))
    speeds = _speeds([runner.index for runner in runners], vectors, probes)
    return [
        Runner(runner.index, runner.recall, speed, runner.build_seconds)
        for runner, speed in zip(runners, speeds, strict=True)
    ]


def _at_most(index: FaissIndex) -> FaissIndex:
    return index if index.effort is None else index.asked_with(index.most_effort, index.overfetch)


def _speeds(indices: Sequence[FaissIndex], vectors: Vectors, probes: Vectors) -> list[float]:
    """Time whole answers in turns, so that a busy moment strikes all: the median queries a second of each."""
    seconds: list[list[float]] = []
    while len(seconds) < ROUNDS and np.sum(seconds) < LONG:
        seconds.append([timed_search(index, vectors, probes)[1] for index in indices])
    return [len(probes) / float(median) for median in np.median(seconds, axis=0)]


def _hopeful(heats: list[list[Runner]], count: int, patience: float) -> Iterator[str]:
    """Name the kinds that may be fastest at `count` vectors, and can be built in time."""
    smaller, larger = heats
    reach = np.log(count / HEATS[1]) / np.log(HEATS[1] / HEATS[0])
    speeds = [late.speed * (late.speed / early.speed) ** reach for early, late in zip(smaller, larger, strict=True)]
    waits = [
        late.build_seconds * max(1.0, late.build_seconds / early.build_seconds) ** reach
        for early, late in zip(smaller, larger, strict=True)
    ]
    patient = [wait <= patience for wait in waits]
    best = max([speed for speed, ready in zip(speeds, patient, strict=True) if ready], default=0.0)
    for runner, speed, ready, wait in zip(larger, speeds, patient, waits, strict=True):
        if (ready and speed >= HOPELESS * best) or (not any(patient) and wait == min(waits)):
            yield runner.index.kind


def _winner(runners: list[Runner], recall: float) -> Runner:
    able = [runner for runner in runners if runner.recall >= recall]
    if not able:
        return max(runners, key=lambda runner: runner.recall)
    winner = able[0]
    for runner in able[1:]:
        if runner.speed > CLEARLY * winner.speed:
            winner = runner
    return winner


def _row(size: int, runner: Runner, *, taken: bool = False) -> tuple[object, ...]:
    index = runner.index
    return size, index.kind, index.effort, index.overfetch, runner.recall, runner.speed, runner.build_seconds, taken
