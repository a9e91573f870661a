"""How much memory an index takes in a process of its own: mapped once, asked, and what came into memory by it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.annoy_index import build_annoy
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.mapping import map_index
from imgsim_assets.retrieval.ann.protocol import Vectors

CANDIDATES = 20
MEMORY = Path("/proc/self/statm")


def resident_bytes(kind: str, path: Path, effort: int | None, queries: Vectors) -> int | None:
    """Map an index and ask it, in a new process: the bytes that are resident then and were not before.

    Pages of the mapped file that were touched count; the vectors for the exact order do not.

    Args:
        kind: of the index, see `Index.kind`.
        path: the index's file.
        effort: with which it is asked; None: it has none.
        queries: float32 [q, d].

    Returns:
        None where the system does not tell (it has no `/proc`).
    """
    if not MEMORY.exists():
        return None
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, queries, allow_pickle=False)
        file.flush()
        arguments = [kind, str(path), str(effort or 0), file.name]
        # Run by this interpreter, with words of our own: no shell sees them.
        done = subprocess.run([sys.executable, "-m", __name__, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ArtefactError(f"the index in {path} to answer", done.stderr.strip()[-300:], "build the index again")
    return int(json.loads(done.stdout))


def _measure(kind: str, path: Path, effort: int, queries: Vectors) -> int:
    # Before the first look, a small one of each: what the libraries need for themselves is not the index.
    for small in (build_faiss(queries, "ivf", 0), build_annoy(queries, 1, 0)):
        small.candidates(queries, 1)
    before = _resident()
    index = map_index(kind, path, queries.shape[1])
    index.asked_with(effort, index.overfetch).candidates(queries, min(index.size, CANDIDATES * index.overfetch))
    return _resident() - before


def _resident() -> int:
    import resource

    return int(MEMORY.read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    name, place, asked, given = sys.argv[1:]
    sys.stdout.write(json.dumps(_measure(name, Path(place), int(asked), np.load(given, allow_pickle=False))))
