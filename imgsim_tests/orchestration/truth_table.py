"""The truth table of staleness: each change, and exactly the assets that the next sync materializes.

`python -m imgsim_tests.orchestration.truth_table` prints it for docs/staleness.md.
"""

from dataclasses import dataclass
from typing import Any
from unittest import mock

from imgsim_assets.assets.keys import CANNY_MAPS, embedding_deps
from imgsim_assets.assets.learning import metric as learning
from imgsim_assets.assets.search import vectors
from imgsim_assets.resources.provenance import Computation, computed_by
from imgsim_tests.orchestration import changes
from imgsim_tests.orchestration.changes import Change, setting

LOOK = "raw_images solution_labels"
EMBED = "embeddings/tiny"
LEARN = "learning_set clusters ranking_choice metric_head cross_validation"
RANK = "gallery_vectors query_vectors"
INDEX = "faiss_index annoy_index"
FIND = "faiss_neighbors annoy_neighbors"
JUDGE = "index_comparison evaluation"
DELIVER = "submission retrieval_report publication"
SEARCH = f"{RANK} {INDEX} {FIND} {JUDGE} {DELIVER}"
BELOW_EMBEDDINGS = f"{LEARN} {SEARCH}"
EVERYTHING = f"{LOOK} canny_maps {EMBED} {BELOW_EMBEDDINGS}"
# What was learned before serves a few new photos too.
SERVE = f"{LOOK} canny_maps {EMBED} learning_set {SEARCH}"


@dataclass(frozen=True)
class Row:
    """A change, and what it costs; `patch` is in force during the sync, for changes of the code."""

    change: Change
    materialized: str
    patch: Any = None

    @property
    def words(self) -> str:
        return " ".join((self.change.__doc__ or "").split())


def revised(module: Any, old: str, new: str) -> Any:
    """Bump a revision in the code of an asset."""

    def bumped(revision: str, **reads: Any) -> Computation:
        return computed_by(new if revision == old else revision, **reads)

    return mock.patch.object(module, "computed_by", bumped)


OTHER_RUNTIME = {"batch_size": 5, "threads": 2, "device": "cpu", "precision": "bfloat16"}
FURTHER_INPUT = mock.patch.object(vectors, "embedding_deps", lambda settings: [*embedding_deps(settings), CANNY_MAPS])

ROWS = [
    Row(changes.nothing, ""),
    # ---- photos
    Row(changes.new_train_photo, SERVE),
    Row(changes.new_labelled_photo, SERVE),
    Row(changes.new_test_photo, f"{LOOK} canny_maps {EMBED} learning_set {RANK} {FIND} {JUDGE} {DELIVER}"),
    Row(changes.many_new_photos, EVERYTHING),
    Row(changes.new_label, EVERYTHING),
    Row(changes.copied_photo, SERVE),
    Row(changes.renamed_photo, SERVE),
    Row(changes.replaced_photo, EVERYTHING),
    Row(changes.corrupted_photo, EVERYTHING),
    Row(changes.deleted_train_photo, EVERYTHING),
    Row(changes.deleted_photo_with_its_row_left, EVERYTHING),
    Row(changes.deleted_test_photo, EVERYTHING),
    Row(changes.moved_to_train, EVERYTHING),
    Row(changes.touched_photos, LOOK),
    Row(changes.turned_and_time_put_back, EVERYTHING),
    Row(
        changes.forbidden_and_allowed_again,
        f"raw_images canny_maps {EMBED} learning_set {RANK} {FIND} {JUDGE} {DELIVER}",
    ),
    Row(changes.text_file, ""),
    Row(changes.system_file, ""),
    Row(changes.leftovers_of_a_nas, ""),
    Row(changes.photo_added_and_taken_away, ""),
    # ---- labels
    Row(changes.relabelled_photo, EVERYTHING),
    Row(changes.label_taken_away, EVERYTHING),
    Row(changes.all_labels_taken_away, EVERYTHING),
    Row(changes.labels_in_another_order, LOOK),
    Row(changes.hidden_label_edited, f"{LOOK} {JUDGE} retrieval_report publication"),
    Row(changes.hidden_labels_taken_away, f"{LOOK} {JUDGE} retrieval_report publication"),
    # ---- backbones
    Row(changes.second_backbone, f"embeddings/second {BELOW_EMBEDDINGS}"),
    Row(changes.second_backbone_taken_away, BELOW_EMBEDDINGS),
    Row(changes.second_backbone_changed, f"embeddings/second {BELOW_EMBEDDINGS}"),
    Row(changes.another_name, f"embeddings/small {LEARN} {RANK} {FIND} {JUDGE} retrieval_report publication"),
    Row(changes.other_weights, f"{EMBED} {BELOW_EMBEDDINGS}"),
    Row(changes.further_view, f"{EMBED} {BELOW_EMBEDDINGS}"),
    Row(changes.view_taken_away, f"{EMBED} {BELOW_EMBEDDINGS}"),
    Row(changes.moved_weights, ""),
    # ---- settings that are read
    Row(setting("canny.blur", canny={"blur": 2.5}), f"canny_maps {EMBED} {BELOW_EMBEDDINGS}"),
    Row(setting("canny.low, canny.high", canny={"low": 20, "high": 60}), f"canny_maps {EMBED} {BELOW_EMBEDDINGS}"),
    Row(changes.edges_that_nothing_shows, "canny_maps"),
    Row(setting("ingest.max_pixels", ingest={"max_pixels": 1_000_000}), f"{LOOK} publication"),
    Row(setting("ingest.ignore", ingest={"ignore": ["nothing"]}), LOOK),
    Row(setting("ingest.trim", ingest={"trim": False}), EVERYTHING),
    Row(setting("ingest.near_duplicate_bits", ingest={"near_duplicate_bits": 4}), LOOK),
    Row(setting("learning.renewal", learning={"renewal": 0.0}), "learning_set"),
    Row(
        setting("clusters.count", clusters={"count": 4}),
        "clusters ranking_choice metric_head cross_validation retrieval_report",
    ),
    Row(setting("selection.seed", selection={"seed": 7}), "ranking_choice metric_head retrieval_report publication"),
    Row(
        setting("steps.canny_edges", steps={"canny_edges": "off"}),
        f"ranking_choice metric_head cross_validation {SEARCH}",
    ),
    Row(
        setting("head.shrinkage", head={"shrinkage": 0.2}),
        f"ranking_choice metric_head cross_validation {SEARCH}",
    ),
    Row(
        setting("head.pair_weight", head={"pair_weight": 0.05}),
        f"ranking_choice metric_head cross_validation {SEARCH}",
    ),
    Row(
        setting("faiss.kind", faiss={"kind": "hnsw"}),
        "faiss_index faiss_neighbors index_comparison retrieval_report publication",
    ),
    Row(
        setting("annoy.trees", annoy={"trees": 7}),
        "annoy_index annoy_neighbors index_comparison retrieval_report publication",
    ),
    Row(setting("faiss.recall, of an exact index", faiss={"recall": 0.9}), "faiss_index"),
    Row(setting("faiss.patience", faiss={"patience": 5}), "faiss_index"),
    Row(setting("annoy.recall, as easily reached", annoy={"recall": 0.9}), "annoy_index"),
    Row(setting("annoy.search_nodes", annoy={"search_nodes": 500}), "annoy_neighbors publication"),
    Row(setting("submission.count, fewer", submission={"count": 5}), "submission publication"),
    Row(setting("submission.count, more than are scored", submission={"count": 12}), f"{FIND} {JUDGE} {DELIVER}"),
    Row(setting("submission.separator", submission={"separator": ";"}), "submission publication"),
    Row(setting("submission.form", submission={"form": "rows"}), "submission publication"),
    Row(
        setting("submission.index", submission={"index": "annoy"}), "evaluation submission retrieval_report publication"
    ),
    Row(
        setting("evaluation.folds", evaluation={"folds": 3}), "cross_validation evaluation retrieval_report publication"
    ),
    Row(setting("report.queries", report={"queries": 2}), "retrieval_report publication"),
    Row(setting("publication.gate", publication={"gate": "on"}), "publication"),
    # ---- settings of where and how fast
    Row(setting("runtime: batch size, threads, device, precision", runtime=OTHER_RUNTIME), ""),
    Row(setting("tracking: experiment", tracking={"experiment": "another"}), ""),
    Row(setting("automation: sensor, cron", automation={"sensor": True, "cron": "0 4 * * *"}), ""),
    Row(setting("publication.kept", publication={"kept": 2}), ""),
    Row(setting("publication.early", publication={"early": "off"}), ""),
    Row(setting("models.require_pin", models={"require_pin": True}), ""),
    Row(changes.moved_photos, ""),
    # ---- the code
    Row(
        setting("the revision of metric_head bumped, with the same output"),
        "metric_head",
        revised(learning, "metric_head/7", "metric_head/8"),
    ),
    Row(setting("a further input of the vectors, with the same output"), RANK, FURTHER_INPUT),
    # ---- what was made
    Row(changes.artefact_deleted, "clusters"),
    Row(changes.artefact_cut_short, "faiss_index"),
    Row(changes.vectors_deleted, EMBED),
    Row(changes.publication_deleted, "publication"),
    Row(changes.store_deleted, EVERYTHING),
    Row(changes.everything_deleted, EVERYTHING),
    # ---- more than one thing
    Row(changes.two_changes, f"{LOOK} annoy_index annoy_neighbors {JUDGE} retrieval_report publication"),
    Row(changes.knob_turned_and_turned_back, f"canny_maps {EMBED} {BELOW_EMBEDDINGS}"),
    Row(changes.rolled_back, ""),
    Row(changes.failed_step, f"metric_head cross_validation {SEARCH}"),
    Row(changes.interrupted_run, f"metric_head cross_validation {SEARCH}"),
    Row(changes.failed_check, "submission publication"),
]


def in_markdown() -> str:
    """Write the table for the docs."""
    lines = ["| what changed | what the next sync materializes |", "|---|---|"]
    names = {"": "nothing", EVERYTHING: "everything"}
    return "\n".join([*lines, *(f"| {row.words} | {names.get(row.materialized, row.materialized)} |" for row in ROWS)])


if __name__ == "__main__":
    print(in_markdown())  # noqa: T201
