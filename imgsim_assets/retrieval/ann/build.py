"""Indices as the settings describe them: chosen by measurement where they leave it open, and tested at once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.annoy_index import Metric, build_annoy
from imgsim_assets.retrieval.ann.copies import Copies, share, vectors_held
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.growth import Gallery, grow
from imgsim_assets.retrieval.ann.least_effort import with_least_effort
from imgsim_assets.retrieval.ann.mapping import map_index
from imgsim_assets.retrieval.ann.protocol import LIST, Index, Vectors
from imgsim_assets.retrieval.ann.race import TRIED, race
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.self_test import check_index
from imgsim_assets.settings import Annoy, Faiss

MEGABYTE = 1_000_000
PROBES_OF_ANNOY = 500  # it answers one at a time
STAND_IN = (
    "Annoy, as it was compiled here, fails its self-test: FAISS answers in its place. To mend: reinstall annoy with "
    "ANNOY_COMPILER_ARGS=-O2 in the environment, and materialize annoy_index again in the UI."
)
CODES = {"sq8": (2, 5, 10, 20, 40), "ivf_pq": (10, 20, 40)}  # overfetches of what cannot tell like photos apart


@dataclass(frozen=True)
class Asked:
    """How an index is asked, which its file does not say: see `Index`. `effort` None: it has none to set."""

    effort: int | None
    overfetch: int

    @classmethod
    def of(cls, index: Index) -> "Asked":
        """Read it off an index."""
        return cls(index.effort, index.overfetch)

    def to(self, index: Index) -> Index:
        """Set an index to it."""
        return index.asked_with(self.effort or 0, self.overfetch)


def build_index(settings: Faiss | Annoy, vectors: Vectors, probes: Vectors) -> tuple[Index, pl.DataFrame]:
    """Build the index that `settings` describe over float32 [n, d] vectors, equal ones held once, and test it.

    It is set to the least effort that reaches the recall that the settings ask for on the probes, or to the most that
    there is. Which kind of FAISS index it is, where that is left open: exact up to `exact_up_to` vectors, and above
    that the fastest (`race`). Where Annoy fails its test, because it was compiled wrongly, a flat index of FAISS stands
    in.

    Args:
        settings: of FAISS or Annoy.
        vectors: float32 [n, d], n >= 1.
        probes: float32 [p, d], queries like those that will come, p >= 1.

    Returns:
        The index, and what was tried (`race.TRIED`; no row: nothing was left open).

    Raises:
        ArtefactError: the index of FAISS fails its test.
    """
    copies = Copies.among(vectors)
    distinct = copies.distinct(vectors)
    built, tried = _built(settings, distinct, probes)
    index = share(built, vectors, copies)
    if isinstance(settings, Annoy):
        try:
            check_index(index, vectors, "annoy")
            return index, tried
        except ArtefactError:
            index = share(build_faiss(distinct, "flat", settings.seed), vectors, copies)
    check_index(index, vectors, "faiss")
    return index, tried


def stands_in(library: str, kind: str) -> bool:
    """Say whether the index of `kind` that goes by a library's name is FAISS's, because Annoy's failed its test."""
    return library == "annoy" and kind not in get_args(Metric)


def _built(settings: Faiss | Annoy, vectors: Vectors, probes: Vectors) -> tuple[Index, pl.DataFrame]:
    tried = pl.DataFrame(schema=TRIED)
    if isinstance(settings, Annoy):
        few = evenly(probes, PROBES_OF_ANNOY)
        annoy = build_annoy(vectors, settings.trees, settings.seed, settings.metric)
        return _at_recall(annoy, vectors, few, settings.recall), tried
    if settings.kind != "auto":
        return _at_recall(build_faiss(vectors, settings.kind, settings.seed), vectors, probes, settings.recall), tried
    if len(vectors) <= settings.exact_up_to:
        return build_faiss(vectors, "flat", settings.seed), tried
    return race(
        vectors,
        probes,
        recall=settings.recall,
        seed=settings.seed,
        memory=settings.memory_mb * MEGABYTE if settings.memory_mb else None,
        patience=settings.patience,
    )


@dataclass(frozen=True)
class Previous:
    """A FAISS index that is there: its file, what it holds, of how many vectors it was built, and how it is asked."""

    file: Path
    holds: Gallery
    built_from: int
    asked: Asked


def grow_or_build(
    chosen: Faiss | Annoy, now: Gallery, probes: Callable[[], Vectors], before: Previous | None
) -> tuple[Index, pl.DataFrame, int]:
    """Add the photos that have come to the index that is there; build it anew where that does not do.

    Args:
        chosen: the library, and how its index is built.
        now: what it shall hold.
        probes: gives the queries that it is set by, if it is built.
        before: what is there; None: nothing that can grow.

    Returns:
        The index, what was tried for it, and of how many vectors it was built before others were added.
    """
    grown = grow(before.file, before.holds, before.built_from, now) if before is not None else None
    if before is not None and grown is not None:
        index = before.asked.to(grown)
        check_index(index, now.vectors, "faiss")
        return index, pl.DataFrame(), before.built_from
    built, tried = build_index(chosen, now.vectors, probes())
    return built, tried, vectors_held(built)


def facts_of(index: Index) -> dict[str, str | int | None]:
    """Give what is to be known of an index beside its file."""
    shape: dict[str, str | int | None] = {"count": index.size, "dimension": index.dimension, "kind": index.kind}
    return {**shape, "effort": index.effort, "overfetch": index.overfetch}


def load_index(kind: str, path: Path, vectors: Vectors, asked: Asked) -> Index:
    """Map the index in `path`, built from `vectors`, and test it.

    Args:
        kind: of the index, see `Index.kind`.
        path: its file.
        vectors: float32 [n, d].
        asked: what it is set to.

    Raises:
        ArtefactError: the file cannot be used, or the index fails its test.
    """
    index = share(asked.to(map_index(kind, path, vectors.shape[1])), vectors, Copies.among(vectors))
    check_index(index, vectors, "annoy" if kind in get_args(Metric) else "faiss")
    return index


def _at_recall(index: Index, vectors: Vectors, probes: Vectors, recall: float) -> Index:
    """Set an index to the least effort that reaches the recall; of codes more candidates are asked where that helps."""
    if index.kind == "flat":
        return index
    _, exact = exact_neighbours(vectors, probes, LIST)
    asked = index
    for overfetch in CODES.get(index.kind, (index.overfetch,)):
        asked = index.asked_with(0, overfetch)
        least = with_least_effort(asked, vectors, probes, exact, recall)
        if least is not None:
            return least
    return asked.asked_with(asked.most_effort, asked.overfetch)
