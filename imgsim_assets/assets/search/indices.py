"""The group `search`, second part: the two indices, and what each finds."""

import time
from typing import Any

import dagster as dg

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import in_ui, keep, keep_table
from imgsim_assets.assets.keys import GALLERY, METRIC_HEAD, QUERIES, SEARCH, index_key, neighbors_key
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.search.vectors import Vectors, open_probes, open_vectors
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import digest
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.ann.build import STAND_IN, Asked, Previous, facts_of, grow_or_build, load_index, stands_in
from imgsim_assets.retrieval.ann.growth import Gallery
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, LIST, NAMES, Index
from imgsim_assets.retrieval.ann.search import search_in_blocks
from imgsim_assets.retrieval.scoring import ranked_names
from imgsim_assets.settings import Settings
from imgsim_assets.storage.artefacts import Manifest
from imgsim_assets.storage.versioned_folder import JSON

INDEX_FILE = "index"


def list_length(settings: Settings) -> int:
    """Say how many neighbours a query gets: what is submitted, and at least what is scored."""
    return max(settings.submission.count, LIST)


def open_index(store: Store, settings: Settings, library: str) -> tuple[Index, Vectors]:
    """Open an index and the vectors it was built from.

    Raises:
        ArtefactError: it is missing, has other bytes than were written, is of other photos, or fails its self-test.
    """
    gallery, vectors = open_vectors(store, GALLERY)
    # Every byte is looked at first: a library trusts its file, and a foreign one can end the process.
    artefact = store.artefacts.open(index_key(library), verify=True)
    if artefact.manifest.facts["ids"] != digest(gallery["name"]):
        raise ArtefactError(f"{index_key(library)} of the photos in {GALLERY}", "of other photos", "run `imgsim sync`")
    kind, asked = str(artefact.manifest.facts["kind"]), read_asked(artefact.manifest, settings, library)
    return load_index(kind, artefact.path(INDEX_FILE), vectors, asked), vectors


def read_asked(manifest: Manifest, settings: Settings, library: str) -> Asked:
    """Say what an index is set to: what was measured when it was built, unless the settings name a number."""
    facts: dict[str, Any] = dict(manifest.facts)
    nodes = settings.annoy.search_nodes
    effort = nodes if library == "annoy" and isinstance(nodes, int) else facts["effort"]
    return Asked(effort, facts["overfetch"])


def index_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of this part."""
    indices = [_index(settings, library) for library in LIBRARIES]
    return indices + [_neighbors(settings, library) for library in LIBRARIES]


def _index(settings: Settings, library: str) -> dg.AssetsDefinition:
    chosen = settings.faiss if library == "faiss" else settings.annoy
    made_by = {"revision": f"{library}_index/4", **chosen.model_dump(mode="json", exclude={"search_nodes"})}

    @asset(
        settings,
        index_key(library),
        computed_by(made_by["revision"], **{library: chosen.model_dump(exclude={"search_nodes"})}),
        group=SEARCH,
        kinds={library},
        deps=[GALLERY],
        description=f"The gallery's vectors in the index of {NAMES[library]}, tested before it is kept.",
    )
    def index(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        photos, vectors = open_vectors(store, GALLERY)
        started = time.perf_counter()
        before = _previous(store, settings, made_by) if library == "faiss" else None
        now = Gallery(photos["name"], vectors)
        built, tried, built_from = grow_or_build(chosen, now, lambda: open_probes(store), before)
        seconds = time.perf_counter() - started
        context.log.info(f"{built.size} vectors of {built.dimension} dimensions in {built.kind}, {seconds:.2f} s")
        if stands_in(library, built.kind):
            context.log.warning(STAND_IN)
        facts = facts_of(built) | {"ids": digest(photos["name"]), "built_from": built_from}
        return keep(
            store,
            index_key(library),
            lambda folder: built.save(folder / INDEX_FILE),
            facts=facts,
            notes={
                "build_seconds": seconds,
                "made_by": made_by,
                "gallery": store.artefacts.open(GALLERY).manifest.version,
            },
            metadata={"tried": in_ui(tried)} if tried.height else {},
        )

    return index


def _previous(store: Store, settings: Settings, made_by: JSON) -> Previous | None:
    """Open the index that is there, made in the same way by a library whose index can grow."""
    try:
        before = store.artefacts.open(index_key("faiss"), verify=True)
        photos, vectors = open_vectors(store, GALLERY, str(before.manifest.notes.get("gallery")))
    except (ArtefactError, ValueError):
        return None
    if before.manifest.notes.get("made_by") != made_by:
        return None
    built_from = int(str(before.manifest.facts["built_from"]))
    asked = read_asked(before.manifest, settings, "faiss")
    return Previous(before.path(INDEX_FILE), Gallery(photos["name"], vectors), built_from, asked)


def _neighbors(settings: Settings, library: str) -> dg.AssetsDefinition:
    @asset(
        settings,
        neighbors_key(library),
        computed_by(f"{library}_neighbors/3", listed=list_length(settings), **_search_effort(settings, library)),
        group=SEARCH,
        kinds={library, "parquet"},
        deps=[METRIC_HEAD, GALLERY, index_key(library), QUERIES],
        description=f"The train photos that {NAMES[library]} finds for each test photo, best first.",
    )
    def neighbors(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        gallery, _ = open_vectors(store, GALLERY)
        queries, query_vectors = open_vectors(store, QUERIES)
        index, vectors = open_index(store, settings, library)
        reciprocal = open_head(store).recipe.reciprocal
        found = search_in_blocks(index, vectors, query_vectors, list_length(settings), library, reciprocal=reciprocal)
        if found.short_lists:
            context.log.warning(f"{found.short_lists} lists were too short and were completed by exact search")
        table = ranked_names(queries["name"], gallery["name"], found)
        return keep_table(store, neighbors_key(library), table, metadata={"short_lists": found.short_lists})

    return neighbors


def _search_effort(settings: Settings, library: str) -> dict[str, dict[str, int | str]]:
    """Give what of the settings is read at search time and not kept in the index file."""
    return {"annoy": {"search_nodes": settings.annoy.search_nodes}} if library == "annoy" else {}
