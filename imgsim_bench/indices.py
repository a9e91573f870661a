"""`imgsim bench indices`: what recall costs with each kind of index and each library, and what `auto` loses.

imgsim's answers are whole ones, put into exact order; the other libraries' are what they return. All build from the
same vectors and answer the same queries in one batch, with the same number of threads.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import InputError
from imgsim_assets.progress import track
from imgsim_assets.retrieval.agreement import overlap
from imgsim_assets.retrieval.ann.annoy_index import build_annoy
from imgsim_assets.retrieval.ann.build import build_index
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.growth import seconds_to_add
from imgsim_assets.retrieval.ann.protocol import LIST, Ids, Index, Vectors
from imgsim_assets.retrieval.ann.race import OVERFETCHES
from imgsim_assets.retrieval.ann.resident import resident_bytes
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.effort import pareto_front
from imgsim_assets.settings import Annoy, Faiss
from imgsim_assets.threads import set_threads
from imgsim_bench.peers import RIVALS, Answering

KINDS = ("flat", "sq8", "ivf", "ivf_pq", "hnsw", "annoy")
RECALLS = (0.95, 0.99)
STEP = 2**0.5
ENOUGH = 0.999
ROUNDS = 3
LONG, TOO_LONG = 2.0, 20.0  # seconds
FINAL_ROUNDS = 15
FINALISTS = 4
OURS = "imgsim"
POINTS = {
    "library": pl.String,
    "kind": pl.String,
    "effort": pl.Int64,
    "recall_at_10": pl.Float64,
    "queries_per_second": pl.Float64,
    "on_front": pl.Boolean,
}
COSTS = {
    "library": pl.String,
    "kind": pl.String,
    "build_seconds": pl.Float64,
    "add_seconds": pl.Float64,
    "stored_mb": pl.Float64,
    "resident_mb": pl.Float64,
}
LOSSES = {
    "asked": pl.Float64,
    "choice": pl.String,
    "reached": pl.Float64,
    "queries_per_second": pl.Float64,
    "among": pl.String,
    "best": pl.String,
    "loss": pl.Float64,
    "loss_low": pl.Float64,
    "loss_high": pl.Float64,
}


@dataclass(frozen=True)
class Task:
    """Vectors float32 [n, d] to build from, probes to set an index by, and queries that judge it."""

    name: str
    vectors: Vectors
    probes: Vectors
    queries: Vectors


@dataclass(frozen=True)
class IndexFigures:
    """Points of recall and speed, what building costs, what `auto` loses, and what was left out and why."""

    task: str
    points: pl.DataFrame
    costs: pl.DataFrame
    losses: pl.DataFrame
    exact_ratio: float
    left_out: list[str]

    def as_json(self) -> dict[str, object]:
        """Give it all as JSON."""
        tables = {"points": self.points, "costs": self.costs, "losses": self.losses}
        return {
            "task": self.task,
            "exact_ratio": self.exact_ratio,
            "left_out": self.left_out,
            **{name: table.to_dicts() for name, table in tables.items()},
        }


def measure_indices(task: Task, only: Sequence[str], *, threads: int, memory_mb: int | None) -> IndexFigures:
    """Measure every kind of index and every other library on one task.

    Args:
        task: what to build from and to ask.
        only: of `KINDS` and `peers.RIVALS`, what is to be measured; empty: all.
        threads: for all of them; 0: one per core.
        memory_mb: what `auto` may take.

    Raises:
        InputError: `only` names what is not known.
    """
    unknown = set(only) - {*KINDS, *RIVALS}
    if unknown:
        raise InputError(f"of {', '.join([*KINDS, *RIVALS])}", ", ".join(sorted(unknown)), "name what is known")
    kinds = [kind for kind in KINDS if not only or kind in only]
    rivals = [name for name in RIVALS if not only or name in only]
    threads = set_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        built = [_built(task, kind, Path(folder)) for kind in track(kinds, f"{task.name}: building", unit="kind")]
    ways = [way for kind, (index, _) in zip(kinds, built, strict=True) for way in _ways(kind, index, task.vectors)]
    costs, left_out = [cost for _, cost in built], []
    exact, _ = exact_neighbours(task.vectors, task.queries, LIST)
    for name in track(rivals, f"{task.name}: building", unit="library"):
        rival = RIVALS[name](task.vectors, threads)
        if isinstance(rival, str):
            left_out.append(rival)
            continue
        ways += rival.ways
        costs.append((name, rival.ways[0].kind, rival.build_seconds, None, None, None))
    measured = list(_points(ways, task.queries, exact))
    points = pl.DataFrame([point for _, point in measured], schema=dict(list(POINTS.items())[:-1]), orient="row")
    front = pareto_front(points["recall_at_10"].to_numpy(), points["queries_per_second"].to_numpy())
    tried = [(way, *point[3:]) for way, point in measured]
    losses = [loss for recall in RECALLS for loss in _losses(task, tried, exact, recall, memory_mb)]
    return IndexFigures(
        task.name,
        points.with_columns(pl.Series("on_front", front)),
        pl.DataFrame(costs, schema=COSTS, orient="row"),
        pl.DataFrame(losses, schema=LOSSES, orient="row"),
        _exact_ratio(task),
        left_out,
    )


def _built(task: Task, kind: str, folder: Path) -> tuple[Index, tuple[object, ...]]:
    started = perf_counter()
    annoy = Annoy()
    index: Index = (
        build_annoy(task.vectors, annoy.trees, annoy.seed) if kind == "annoy" else build_faiss(task.vectors, kind, 0)
    )
    seconds = perf_counter() - started
    path = folder / f"{kind}.index"
    index.save(path)
    added = seconds if kind == "annoy" else seconds_to_add(path, task.vectors)
    resident = resident_bytes(index.kind, path, index.effort, task.queries)
    cost = (OURS, kind, seconds, added, path.stat().st_size / 1e6, None if resident is None else resident / 1e6)
    path.unlink()
    return index, cost


def _ways(kind: str, index: Index, vectors: Vectors) -> Iterator[Answering]:
    """Ask an index with all efforts, a factor of the square root of two apart, and all overfetches."""
    for overfetch in OVERFETCHES.get(index.kind, (index.overfetch,)):
        name = f"{kind} x{overfetch}" if kind in OVERFETCHES else kind
        if index.effort is None:
            yield Answering(OURS, name, None, _asking(index, vectors))
            continue
        effort = float(index.least_effort)
        while round(effort) <= index.most_effort:
            set_to = index.asked_with(round(effort), overfetch)
            yield Answering(OURS, name, round(effort), _asking(set_to, vectors))
            effort = max(effort * STEP, round(effort) + 1.0)


def _asking(index: Index, vectors: Vectors) -> Callable[[Vectors], Ids]:
    return lambda queries: search(index, vectors, queries, LIST).ids


def _points(
    ways: list[Answering], queries: Vectors, exact: Ids
) -> Iterator[tuple[Answering, tuple[str, str, int | None, float, float]]]:
    """Measure each way; more effort is not tried where nearly all is found, no more is found, or it takes too long."""
    done: dict[tuple[str, str], float] = {}
    for way in track(ways, "asking", unit="way"):
        name = (way.library, way.kind)
        if done.get(name, 0.0) >= ENOUGH:
            continue
        started = perf_counter()
        found = way.ask(queries)
        seconds = perf_counter() - started
        if seconds < LONG:
            seconds = float(np.median([_seconds(way.ask, queries) for _ in range(ROUNDS)]))
        recall = float(overlap(found, exact).mean())
        stuck = way.effort is not None and recall <= done.get(name, -1.0)
        done[name] = 1.0 if stuck or seconds > TOO_LONG else recall
        yield way, (way.library, way.kind, way.effort, recall, len(queries) / seconds)


def _losses(
    task: Task, tried: list[tuple[Answering, float, float]], exact: Ids, asked: float, memory_mb: int | None
) -> Iterator[tuple[object, ...]]:
    """Let `auto` choose for a recall, and time it in turns with the fastest that reach it on these queries.

    And with the fastest that reach what `auto` reached: a little more or less than was asked, by the chance of the
    probes. Among imgsim's own ways, and among all.
    """
    chosen, _ = build_index(Faiss(recall=asked, exact_up_to=0, memory_mb=memory_mb), task.vectors, task.probes)
    auto = Answering(OURS, chosen.kind, chosen.effort, _asking(chosen, task.vectors))
    reached = float(overlap(auto.ask(task.queries), exact).mean())
    entrants = {
        ("imgsim's, as asked", asked, True),
        ("imgsim's, as reached", reached, True),
        ("all, as asked", asked, False),
    }
    for among, recall, ours in sorted(entrants, reverse=True):
        able = [one for one in tried if one[1] >= recall and (one[0].library == OURS or not ours)]
        fastest = [way for way, *_ in sorted(able, key=lambda one: -one[2])[:FINALISTS]]
        seconds = np.array([[_seconds(way.ask, task.queries) for way in [auto, *fastest]] for _ in range(FINAL_ROUNDS)])
        median = np.median(seconds, axis=0)
        best = int(np.argmin(median[1:]))
        low, middle, high = np.percentile(1.0 - seconds[:, 1 + best] / seconds[:, 0], [25, 50, 75])
        speed = len(task.queries) / float(median[0])
        yield (
            *(asked, _name(auto), reached, speed, among, _name(fastest[best])),
            *(float(middle), float(low), float(high)),
        )


def _name(way: Answering) -> str:
    return f"{way.library}: {way.kind}{'' if way.effort is None else f', effort {way.effort}'}"


def _seconds(work: Callable[[Vectors], object], queries: Vectors) -> float:
    started = perf_counter()
    work(queries)
    return max(perf_counter() - started, 1e-9)


def _exact_ratio(task: Task) -> float:
    """Compare exact search with one matrix product of all queries and vectors: the ratio of their speeds."""
    exact = _asking(ExactIndex(task.vectors), task.vectors)
    works = (lambda queries: queries @ task.vectors.T, exact)
    seconds = np.array([[_seconds(work, task.queries) for work in works] for _ in range(ROUNDS)])
    best: npt.NDArray[np.float64] = seconds.min(axis=0)
    return float(best[0] / best[1])
