"""Processes that write until they are killed: `python -m imgsim_tests.storage.writers KIND FOLDER NAME`."""

import itertools
import sys
from pathlib import Path

import numpy as np

BATCH = 37
DIMENSION = 5
FILES = 6


def append_for_ever(folder: Path, name: str) -> None:
    """Commit batches of 37 rows; all writers share half of the ids."""
    from imgsim_assets.storage.content_table import ContentTable
    from imgsim_assets.storage.vector_rows import vector_rows, vector_schema

    table = ContentTable(folder, vector_schema(DIMENSION))
    known = len(table.ids())
    say_ready()
    for number in itertools.count(known):
        for owner in (name, "shared"):
            ids = [f"{owner}-{number}-{place}" for place in range(BATCH)]
            table.append(vector_rows(ids, np.full((BATCH, DIMENSION), number, np.float32)))
        if number % 10 == 0:
            table.compact()


def publish_for_ever(state: Path, name: str) -> None:
    """Publish six files that all hold the same number."""
    from imgsim_assets.storage.publication import publish_folder

    say_ready()
    for number in itertools.count():
        publish_folder(state, lambda folder, text=f"{name} {number}": write_same(folder, text))


def artefact_for_ever(root: Path, name: str) -> None:
    """Publish an artefact of six files that all hold the same number; keep three versions."""
    from imgsim_assets.storage.artefacts import ArtefactStore

    store = ArtefactStore(root)
    say_ready()
    for number in itertools.count():
        text = f"{name} {number}"
        store.keep("some/thing", lambda folder, text=text: write_same(folder, text), {"text": text})
        store.prune("some/thing", 3)


def write_same(folder: Path, text: str) -> None:
    for file in range(FILES):
        (folder / f"{file}.txt").write_text(text)


def say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


KINDS = {"append": append_for_ever, "publish": publish_for_ever, "artefact": artefact_for_ever}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
