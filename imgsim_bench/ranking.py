"""`imgsim bench ranking`: ways to rank on identical embeddings, with equal budgets, judged on the same queries."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.class_sets import class_posterior
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.learning_set import Pool, learned_classes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_bench.judging import judged, judged_cells
from imgsim_bench.markdown import table_lines
from imgsim_bench.rivals import LOSSES, WITH_PROXIES, train_head

Vectors = npt.NDArray[np.float32]
Answer = Callable[[], Vectors]

CONFIDENCE = 0.6
REPEATS = 5
PROXY_TEMPERATURE = 1.0 / 64.0  # ArcFace's scale; the order of classes does not hang on it
OURS = "imgsim: "


@dataclass(frozen=True)
class Problem:
    """Photos with what may be learned from and what is asked.

    `descriptors` are float32 [n, d] of norm 1. `pool` has them in coordinates, with the labels that may be learned
    from; `truth` int64 [n] is the class of every photo. Train photos are found, the others ask.
    """

    descriptors: Vectors
    pool: Pool
    truth: Ints

    @property
    def known(self) -> Ints:
        """Rows with a label to learn from."""
        return np.flatnonzero(self.pool.classes != UNKNOWN)

    def with_few_labels(self, each: int, seed: int) -> "Problem":
        """Keep `each` labels a class, drawn by `seed`."""
        shuffled = np.random.default_rng(seed).permutation(self.known)
        order = shuffled[np.argsort(self.pool.classes[shuffled], kind="stable")]
        starts = np.unique(self.pool.classes[order], return_index=True)[1]
        rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
        classes = np.full_like(self.pool.classes, UNKNOWN)
        kept = order[rank < each]
        classes[kept] = self.pool.classes[kept]
        return replace(self, pool=replace(self.pool, classes=classes))


@dataclass(frozen=True)
class Fitted:
    """Gallery vectors [g, m], and what turns the queries into vectors [q, m] whose inner products rank the gallery."""

    gallery: Vectors
    answer: Answer


Ranker = Callable[[Problem], Fitted]


def compare_rankings(problem: Problem, *, budget: float, seed: int, most_rounds: int = 10_000) -> pl.DataFrame:
    """Fit and judge every way to rank.

    Args:
        problem: photos and labels.
        budget: seconds for each loss that is trained by gradient.
        seed: of those.
        most_rounds: ends their training earlier, see `rivals.train_head`.

    Returns:
        One row each, the best first: `ranking`, `map_at_10` with `low` and `high`, the paired `gain` over plain cosine
        with `gain_low` and `gain_high`, `fit_seconds`, and `answer_ratio`: the time to answer all queries, from
        coordinates to lists, as a multiple of FAISS's flat search over plain descriptors.
    """
    train, asked = np.flatnonzero(problem.pool.is_train), np.flatnonzero(~problem.pool.is_train)
    unit = _median_seconds(_faiss_search(problem.descriptors[train], problem.descriptors[asked]))
    rows, scores = [], {}
    for name, ranker in track(list(_rankers(budget, seed, most_rounds).items()), "ranking", unit="way"):
        started = time.perf_counter()
        fitted = ranker(problem)
        seconds = time.perf_counter() - started
        found, _ = exact_neighbours(fitted.gallery, fitted.answer(), LIST)
        scores[name] = average_precision(*relevance(found, problem.truth[asked], problem.truth[train]))
        took = _median_seconds(_search_of(fitted))
        rows.append({"ranking": name, "fit_seconds": seconds, "answer_ratio": took / unit})
    table = [row | judged(scores[str(row["ranking"])], scores["cosine"]) for row in rows]
    columns = ["ranking", "map_at_10", "low", "high", "gain", "gain_low", "gain_high", "fit_seconds", "answer_ratio"]
    return pl.DataFrame(table).select(columns).sort("map_at_10", "ranking", descending=[True, False])


def in_markdown(table: pl.DataFrame) -> str:
    """Write what `compare_rankings` gave as a table for the docs."""
    head = ("ranking", "MAP@10", "95% interval", "gain over cosine", "fit, s", "answering, FAISS cosine = 1")
    rows = (
        [row["ranking"], *judged_cells(row), f"{row['fit_seconds']:.1f}", f"{row['answer_ratio']:.1f}"]
        for row in table.iter_rows(named=True)
    )
    return "\n".join(table_lines(head, rows))


def _rankers(budget: float, seed: int, most_rounds: int) -> Mapping[str, Ranker]:
    ours: dict[str, dict[str, object]] = {
        "GLRT pair": {"likeness": "pair"},
        "GLRT set": {"evidence": "glrt"},
        "GLRTML (GLRT set, learned projection)": {"evidence": "glrt", "projection": True},
        "GLRT set and logistic": {"evidence": "fused"},
        "GLRT set, pseudo-labels": {"evidence": "glrt", "pseudo_labels": True},
        "GLRT set and logistic, pseudo-labels": {"evidence": "fused", "pseudo_labels": True},
    }
    losses: dict[str, Ranker] = {}
    for name in LOSSES:
        losses[name] = _loss_ranker(name, budget, seed, most_rounds, by_class=False)
        if name in WITH_PROXIES:
            losses[f"{name}, by class"] = _loss_ranker(name, budget, seed, most_rounds, by_class=True)
    return {
        "cosine": lambda problem: _compared(problem, problem.descriptors),
        "centred cosine": lambda problem: _compared(problem, normalise(problem.pool.coordinates).astype(np.float32)),
        "LDA, then cosine": _lda,
        "logistic regression": _recipe_ranker(evidence="logistic"),
        **losses,
        **{OURS + name: _recipe_ranker(**changes) for name, changes in ours.items()},
    }


def _compared(problem: Problem, vectors: Vectors) -> Fitted:
    asked = np.asarray(vectors[~problem.pool.is_train])
    return Fitted(vectors[problem.pool.is_train], lambda: asked)


def _lda(problem: Problem) -> Fitted:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    coordinates, known = problem.pool.coordinates, problem.known
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    model.fit(coordinates[known], problem.pool.classes[known])
    return _compared(problem, normalise(model.transform(coordinates)).astype(np.float32))


def _recipe_ranker(**changes: object) -> Ranker:
    standing = {"views": {}, "dimensions": 1, "shrinkage": "auto", "pair_weight": 0.01, "likeness": "metric"}
    recipe = Recipe.model_validate(standing | changes)

    def fit(problem: Problem) -> Fitted:
        pool = problem.pool
        learned = learned_classes(pool, recipe, CONFIDENCE)
        head = fit_head(pool.axes, pool.learned_as(learned), recipe)
        gallery = gallery_vectors(head, pool.coordinates[pool.is_train], pool.classes[pool.is_train])
        asked = pool.coordinates[~pool.is_train]
        return Fitted(gallery, lambda: query_vectors(head, asked, gallery))

    return fit


def _loss_ranker(name: str, budget: float, seed: int, most_rounds: int, *, by_class: bool) -> Ranker:
    """Rank by cosine in the learned space, as is usual, or by the proxies' scores of the gallery photo's class."""

    def fit(problem: Problem) -> Fitted:
        pool, known = problem.pool, problem.known
        numbers, classes = np.unique(pool.classes[known], return_inverse=True)
        head = train_head(name, pool.coordinates[known], classes, budget=budget, seed=seed, most_rounds=most_rounds)
        train, asked = pool.coordinates[pool.is_train], pool.coordinates[~pool.is_train]
        if not by_class or head.proxies is None:
            return Fitted(head.embed(train), lambda: head.embed(asked))

        def probabilities(coordinates: Floats) -> Floats:
            scores = head.class_scores(coordinates, len(numbers)).astype(np.float64)
            return class_posterior(scores, PROXY_TEMPERATURE)

        membership = probabilities(train)
        labels = pool.classes[pool.is_train]
        labelled = np.flatnonzero(labels != UNKNOWN)
        membership[labelled] = labels[labelled, None] == numbers
        return Fitted(membership.astype(np.float32), lambda: probabilities(asked).astype(np.float32))

    return fit


def _faiss_search(gallery: Vectors, queries: Vectors) -> Callable[[], object]:
    import faiss

    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(np.ascontiguousarray(gallery))
    asked = np.ascontiguousarray(queries)
    return lambda: index.search(asked, LIST)


def _search_of(fitted: Fitted) -> Callable[[], object]:
    return lambda: exact_neighbours(fitted.gallery, fitted.answer(), LIST)


def _median_seconds(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))
