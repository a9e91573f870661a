"""The group `learning`: backbones trained further on labelled photos, once for each fold, without its photos."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.embeddings import model_identity
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keys import CLUSTERS, LEARNING, LEARNING_SET, fine_tuned_backbones, fine_tuned_key
from imgsim_assets.assets.learning.class_scores import (
    FOLDS_FILE,
    NETWORKS_FILE,
    Scores,
    complete_scores,
    read_scores,
    write_scores,
)
from imgsim_assets.assets.learning.lessons import TOLD_APART, Course, frame_lessons, plan_course
from imgsim_assets.assets.learning.standing import LABELLED_FILE, few_changed, labelled_before
from imgsim_assets.assets.publishing import away, open_table, publish
from imgsim_assets.fingerprint import digest, fingerprint
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.pair_loss import batch_loss
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.vision.content import CONTENT_REVISION
from imgsim_assets.vision.photo import DECODING_REVISION
from imgsim_assets.vision.threads import thread_count

if TYPE_CHECKING:
    from imgsim_assets.vision.fine_tuning.folds import Trained
    from imgsim_assets.vision.fine_tuning.scoring import Scored
    from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned

NO_FOLDS = pl.DataFrame(schema={"content_id": pl.String, "fold": pl.Int64})
UNFINISHED = "unfinished"
REVISION = "fine_tuned/2"


def fine_tuning_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build one asset for each backbone that is fine-tuned."""
    return [_fine_tuned(settings, name, backbone) for name, backbone in fine_tuned_backbones(settings).items()]


def _fine_tuned(settings: Settings, name: str, backbone: Backbone) -> dg.AssetsDefinition:
    key, chosen = fine_tuned_key(name), settings.fine_tuning
    computed = computed_by(
        REVISION,
        fine_tuning=chosen.model_dump(mode="json", exclude={"renewal"}),
        backbones={name: {**model_identity(settings, backbone), "views": list(backbone.views)}},
        clusters={"confidence": settings.clusters.confidence},
        ingest={"trim": settings.ingest.trim},
        decoding=DECODING_REVISION,
        content=CONTENT_REVISION,
    )

    @asset(
        settings,
        key,
        computed,
        group=LEARNING,
        kinds={"pytorch", "safetensors", "mlflow"},
        pool="gpu",
        deps=[LEARNING_SET, CLUSTERS],
        description=(
            f"`{name}` trained further on labelled photos with the GLRTML loss, once for each fold without its photos. "
            "Done anew when settings or labels change, or more than a tenth of the labelled photos; else it stays."
        ),
    )
    def fine_tuned(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        from imgsim_assets.vision.fine_tuning.tuned_file import save_tuned

        made_by = fingerprint("made_by/1", computed["code_version"])
        learned = open_table(store, LEARNING_SET)
        labelled = learned.select("content_id", "label").drop_nulls().unique().sort(pl.all())
        before = labelled_before(store, key, made_by)
        if before is not None and _nearly_the_same(before, labelled, chosen.renewal):
            context.log.info("too few labelled photos changed to fine-tune anew: the networks stay")
            networks, labelled = _open_networks(store, key), before
        else:
            networks = _make_networks(context, store, tracking, settings, (name, made_by))
            # Those count as not learned from: where they are more than a few, learning goes on when they are back.
            labelled = labelled.filter(~pl.col("content_id").is_in(list(networks.away)))
        asked = _ask_about(store, settings, backbone, networks, learned)
        scores, labels = asked.scores, networks.tuned.labels

        def write(folder: Path) -> None:
            save_tuned(networks.tuned, folder / NETWORKS_FILE)
            write_table(folder / FOLDS_FILE, networks.folds)
            write_table(folder / LABELLED_FILE, labelled)
            write_scores(folder, scores, len(labels))

        result = publish(
            store,
            key,
            write,
            facts={
                "made_by": made_by,
                "labels": digest(labels),
                "steps": networks.steps,
                **away(networks.away | asked.away, learned.height),
            },
            metadata={
                "classes": len(labels),
                "photos": networks.folds.height,
                "held_out_accuracy": _held_out_accuracy(networks, scores, labelled),
            },
        )
        shutil.rmtree(store.folder / UNFINISHED / key, ignore_errors=True)
        return result

    return fine_tuned


def _nearly_the_same(before: pl.DataFrame, now: pl.DataFrame, renewal: float) -> bool:
    return set(before["label"]) == set(now["label"]) and few_changed(before, now, renewal)


@dataclass(frozen=True)
class Networks:
    """What was learned, the fold of each photo that it was learned from, in how many steps, and what is known by it.

    `away` are the photos that should have been learned from, and were away or changed when they were read.
    """

    tuned: "FineTuned"
    folds: pl.DataFrame
    steps: int
    scores: Mapping[str, Scores]
    away: frozenset[str] = frozenset()


def _open_networks(store: Store, key: str) -> Networks:
    from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned

    artefact = store.artefacts.open(key)
    steps = artefact.manifest.facts["steps"]
    tuned, folds = load_tuned(artefact.path(NETWORKS_FILE)), read_table(artefact.path(FOLDS_FILE))
    return Networks(tuned, folds, int(str(steps)), read_scores(artefact))


def _make_networks(
    context: dg.AssetExecutionContext, store: Store, tracking: Tracking, settings: Settings, asked: tuple[str, str]
) -> Networks:
    from imgsim_assets.vision.fine_tuning.tuned_file import NOTHING_LEARNED, as_stored

    course = plan_course(store, settings)
    if course is None:
        context.log.info("too few labelled photos to fine-tune on")
        return Networks(NOTHING_LEARNED, NO_FOLDS, 0, {})
    name, made_by = asked
    trained, gone = _train(store, settings, name, course, made_by)
    if trained is None:
        context.log.warning("too few labelled photos could be read to fine-tune on")
        return Networks(NOTHING_LEARNED, NO_FOLDS, 0, {}, gone)
    folds = course.folds_table()
    context.log.info(f"{folds.height} photos of {len(course.labels)} classes, {trained.steps} steps in each fold")
    with tracked(context, tracking, fine_tuned_key(name)) as run:
        for fold, curve in enumerate(trained.curves):
            for epoch, loss in enumerate(curve):
                run.log_metrics({f"fine_tuning/{name}/fold_{fold}": loss}, step=epoch)
    return Networks(as_stored(trained.tuned), folds, trained.steps, {}, gone)


def _ask_about(
    store: Store, settings: Settings, backbone: Backbone, networks: Networks, learned: pl.DataFrame
) -> "Scored":
    """Complete what the networks say of the photos of the learning set."""
    photos = distinct_photos(store).join(learned, on="content_id", how="semi", maintain_order="left")
    folds = dict(networks.folds.select("content_id", "fold").iter_rows())
    return complete_scores(settings, backbone, networks.tuned, photos, networks.scores, folds=folds)


def _held_out_accuracy(networks: Networks, scores: Mapping[str, Scores], labelled: pl.DataFrame) -> float | None:
    """Give the share of the photos learned from whose label is named by the network that has not learned from them."""
    held_out = labelled.join(networks.folds, on="content_id", how="semi").filter(
        pl.col("content_id").is_in(list(scores))
    )
    if held_out.is_empty():
        return None
    named = [networks.tuned.labels[int(scores[one].argmax())] for one in held_out["content_id"]]
    right: int = sum(one == label for one, label in zip(named, held_out["label"], strict=True))
    return right / held_out.height


def _train(
    store: Store, settings: Settings, name: str, course: Course, made_by: str
) -> "tuple[Trained | None, frozenset[str]]":
    """Train each fold's network; None: of too few classes photos could be read. Name the photos that were away too."""
    from imgsim_assets.vision.backbones.precision import choose_precision
    from imgsim_assets.vision.fine_tuning.batches import steps_an_epoch
    from imgsim_assets.vision.fine_tuning.folds import fine_tune_folds
    from imgsim_assets.vision.fine_tuning.loading import load_trainable
    from imgsim_assets.vision.fine_tuning.training import BATCH, Plan
    from imgsim_assets.vision.fine_tuning.usual import usual

    backbone, chosen = settings.backbones[name], settings.fine_tuning
    model, framing = load_trainable(backbone, chosen, settings.runtime, settings.places.models)
    lessons, gone = frame_lessons(store, settings, course, framing)
    if any(len(np.unique(one.classes)) < TOLD_APART for one in lessons):
        return None, gone
    plan = Plan(
        classes=len(course.labels),
        size=framing.size,
        steps=chosen.epochs * steps_an_epoch(max(len(one.classes) for one in lessons), BATCH),
        rate=usual(backbone.uri).rate if chosen.rate == "auto" else chosen.rate,
        decay=chosen.decay,
        share=chosen.blocks,
        halved=choose_precision(settings.runtime.precision, model.device) == "bfloat16",
        seed=chosen.seed,
    )
    trained = fine_tune_folds(
        model,
        course.labels,
        lessons,
        plan,
        batch_loss,
        folder=_workshop(store, name, fingerprint("workshop/2", made_by, course.name())),
        threads=thread_count(settings.runtime.threads),
        seconds=60.0 * chosen.minutes,
    )
    return trained, gone


def _workshop(store: Store, name: str, lesson: str) -> Path:
    """Give the folder for what is not finished yet, and remove what was left of other lessons."""
    workshop = store.folder / UNFINISHED / fine_tuned_key(name)
    folder = workshop / lesson.replace("/", "-")
    for other in workshop.glob("*"):
        if other != folder:
            shutil.rmtree(other)
    return folder
