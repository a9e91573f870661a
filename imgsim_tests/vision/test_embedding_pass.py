"""The pass over the photos: in processes as in threads."""

from types import SimpleNamespace

import numpy as np
import pytest

from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.images.edges import edges_table
from imgsim_assets.storage.vector_rows import vector_schema
from imgsim_assets.vision import embedding_pass
from imgsim_assets.vision.backbones.pixels import LibraryFraming, SquareFraming
from imgsim_assets.vision.content_names import vector_folder, view_fingerprint
from imgsim_assets.vision.embedding_pass import PROCESSES_FROM, EmbeddingTask, _earns_processes, compute_vectors


@pytest.mark.slow
def test_processes_compute_what_threads_computed(synced, monkeypatch):
    monkeypatch.setattr(embedding_pass, "_earns_processes", lambda *_: True)
    settings, store = synced.settings(), synced.store
    photos = distinct_photos(store)
    ids = photos["content_id"]
    backbone = settings.backbones["tiny"]
    tasks = [EmbeddingTask("tiny", view, "f", f"vectors/again_{view}", ids) for view in backbone.views]
    compute_vectors(store.content, edges_table(store, settings), settings, photos, tasks)
    for task in tasks:
        known = vector_folder(view_fingerprint(settings, backbone, task.view))
        schema = vector_schema(3)
        one, other = (store.content_table(folder, schema).read(ids.to_list()) for folder in (known, task.folder))
        assert len(one) == len(ids)
        np.testing.assert_array_equal(np.stack(one["vector"].to_numpy()), np.stack(other["vector"].to_numpy()))


@pytest.mark.parametrize(
    ("devices", "framing", "photos", "expected"),
    [
        (["cpu"], SquareFraming(8), PROCESSES_FROM, False),
        (["cpu", "cuda"], SquareFraming(8), PROCESSES_FROM, True),
        (["cuda"], SquareFraming(8), PROCESSES_FROM - 1, False),
        (["cuda"], LibraryFraming(np.asarray), PROCESSES_FROM, False),
    ],
)
def test_processes_decode_many_photos_for_a_card(devices, framing, photos, expected, monkeypatch):
    models = [SimpleNamespace(device=device, framing=framing) for device in devices]
    monkeypatch.setattr(embedding_pass, "has_room", lambda: True)
    assert _earns_processes(models, photos) is expected
    monkeypatch.setattr(embedding_pass, "has_room", lambda: False)
    assert not _earns_processes(models, photos)


class Toy:
    """A backbone by name: it gives the colours of a photo's middle, one vector for all, or nothing at all."""

    dimension, batch_size, device, runs_as = 3, 16, "cpu", "toy"
    framing = SquareFraming(24)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def prepare(self, photos: int) -> None: ...

    def embed(self, batch: np.ndarray) -> np.ndarray:
        if self.kind == "raising":
            raise IndexError("list index out of range")
        vectors = batch[:, 8:16, 8:16].mean(axis=(1, 2)).astype(np.float32) + 1
        return {"good": vectors, "constant": 0 * vectors + 5, "not_finite": vectors * np.nan}[self.kind]


def test_what_one_backbone_cannot_do_costs_no_other_and_leaves_nothing_in_the_store(synced, monkeypatch):
    """Constant vectors of models that told drawn pictures apart, and raw errors of libraries."""
    kinds = ("constant", "good", "raising", "not_finite")
    monkeypatch.setattr(
        "imgsim_assets.vision.backbones.loading.load_backbone", lambda backbone, *_: Toy(backbone.uri.partition(":")[2])
    )
    settings = synced.settings({"backbones": {kind: {"uri": f"toy:{kind}"} for kind in kinds}})
    photos = distinct_photos(synced.store)
    ids = photos["content_id"]
    tasks = [EmbeddingTask(kind, "rgb", "f", f"vectors/{kind}", ids) for kind in kinds]
    done = compute_vectors(synced.store.content, edges_table(synced.store, settings), settings, photos, tasks)
    assert done.broken.keys() == {"constant", "raising", "not_finite"}
    assert "one and the same for" in done.broken["constant"].found
    assert "zero or not finite for" in done.broken["not_finite"].found
    assert done.broken["raising"].found == "IndexError: list index out of range"
    stored = {kind: synced.store.stored_table(f"vectors/{kind}") for kind in kinds}
    assert {kind for kind in kinds if stored[kind] is not None} == {"good"}
    assert stored["good"] is not None
    assert stored["good"].ids() == set(ids)
