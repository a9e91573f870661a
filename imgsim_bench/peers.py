"""Other libraries' indices, asked as their users ask them: hnswlib, usearch, and whatever autofaiss chooses."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from imgsim_assets.retrieval.ann.protocol import LIST, Ids, Vectors
from imgsim_bench.timing import timed

LINKS, BUILD_EFFORT = 16, 200
EFFORTS = (10, 14, 20, 28, 40, 56, 80, 113, 160, 226, 320, 453, 640)
AUTOFAISS = ("autofaiss==2.18.0", "faiss-cpu==1.12.0", "pyarrow<20")  # by itself it takes versions that do not fit
AUTOFAISS_UNTUNED = "autofaiss, as it sets itself"
AUTOFAISS_PROGRAM = """
import json, sys
from autofaiss import build_index
folder, metric = sys.argv[1], "ip"
_, facts = build_index(
    f"{folder}/vectors", index_path=f"{folder}/knn.index", index_infos_path=f"{folder}/infos.json", metric_type=metric,
    nb_cores=int(sys.argv[2]), verbose=40,
)
print(json.dumps({key: str(value) for key, value in facts.items()}))
"""


@dataclass(frozen=True)
class Answering:
    """An index as it is asked: `ask` takes float32 [q, d] and gives int64 [q, 10] rows."""

    library: str
    kind: str
    effort: int | None
    ask: Callable[[Vectors], Ids]


@dataclass(frozen=True)
class Rival:
    """A library's index with the ways it can be asked, the least effort first, and what building it took."""

    ways: list[Answering]
    build_seconds: float


def hnswlib(vectors: Vectors, threads: int) -> Rival:
    """Build hnswlib's graph by inner product."""
    import hnswlib as library

    index = library.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=LINKS, ef_construction=BUILD_EFFORT, random_seed=0)
    seconds = timed(lambda: index.add_items(vectors, num_threads=threads))

    def ask(effort: int, queries: Vectors) -> Ids:
        index.set_ef(effort)
        return np.asarray(index.knn_query(queries, k=LIST, num_threads=threads)[0], dtype=np.int64)

    return Rival(list(_ways("hnswlib", "hnsw", ask)), seconds)


def usearch(vectors: Vectors, threads: int) -> Rival:
    """Build usearch's graph by inner product, of float32 vectors."""
    from usearch.index import Index

    index: Any = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=LINKS, expansion_add=BUILD_EFFORT)
    seconds = timed(lambda: index.add(np.arange(len(vectors)), vectors, threads=threads))

    def ask(effort: int, queries: Vectors) -> Ids:
        index.expansion_search = effort
        found = index.search(queries, LIST, threads=threads)
        return np.asarray(found.keys, dtype=np.int64).reshape(len(queries), -1)[:, :LIST]

    return Rival(list(_ways("usearch", "hnsw", ask)), seconds)


def autofaiss(vectors: Vectors, threads: int) -> Rival | str:
    """Let autofaiss choose, build and set an index, in an environment of its own; a reason where it cannot be had."""
    import faiss

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vectors").mkdir()
        np.save(folder / "vectors" / "0.npy", vectors, allow_pickle=False)
        packages = [word for package in AUTOFAISS for word in ("--with", package)]
        uv = [str(Path(sys.executable).parent / "uv"), "run", "--quiet", "--no-project", "--isolated"]
        command = [*uv, *packages, "python", "-c", AUTOFAISS_PROGRAM, name, str(threads)]
        started = perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            told = str(getattr(error, "stderr", error)).strip().splitlines()
            return f"autofaiss could not be run: {told[-1] if told else error}"
        seconds = perf_counter() - started
        facts: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
        index: Any = faiss.read_index(str(folder / "knn.index"))
    chosen, words = facts["index_key"], facts["index_param"]
    space: Any = faiss.ParameterSpace()
    space.set_index_parameters(index, words)

    def as_it_set_itself(queries: Vectors) -> Ids:
        space.set_index_parameters(index, words)
        return np.asarray(index.search(queries, LIST)[1], dtype=np.int64)

    ways = [Answering(AUTOFAISS_UNTUNED, chosen, None, as_it_set_itself)]
    if chosen.startswith("HNSW"):

        def ask(effort: int, queries: Vectors) -> Ids:
            space.set_index_parameters(index, f"efSearch={effort}")
            return np.asarray(index.search(queries, LIST)[1], dtype=np.int64)

        ways += _ways("autofaiss", chosen, ask)
    return Rival(ways, seconds)


RIVALS: Mapping[str, Callable[[Vectors, int], Rival | str]] = {
    "hnswlib": hnswlib,
    "usearch": usearch,
    "autofaiss": autofaiss,
}


def _ways(library: str, kind: str, ask: Callable[[int, Vectors], Ids]) -> Iterator[Answering]:
    for effort in EFFORTS:
        yield Answering(library, kind, effort, lambda queries, effort=effort: ask(effort, queries))  # type: ignore[misc]
