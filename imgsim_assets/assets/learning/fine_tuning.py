"""The group `learning`: backbones trained further on labelled photos, once for each fold, without its photos."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keeping import LABELLED_FILE, keep, labelled_before, open_table
from imgsim_assets.assets.keys import CLUSTERS, LEARNING, LEARNING_SET, fine_tuned_backbones, fine_tuned_key
from imgsim_assets.assets.learning.pool import open_labels, read_pool
from imgsim_assets.fingerprint import digest, fingerprint
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.course import Course, guessing_recipe, plan_course
from imgsim_assets.retrieval.fine_tuned import held_out_accuracy
from imgsim_assets.retrieval.pair_loss import batch_loss
from imgsim_assets.retrieval.renewal import renewal_policy
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.storage.formats import write_table
from imgsim_assets.vision.away import away_fact
from imgsim_assets.vision.content import CONTENT_REVISION
from imgsim_assets.vision.content_names import model_identity
from imgsim_assets.vision.fine_tuning.networks import Networks, open_networks
from imgsim_assets.vision.photo import DECODING_REVISION

UNFINISHED = "unfinished"
REVISION = "fine_tuned/3"


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
        from imgsim_assets.vision.fine_tuning.asking import complete_scores

        made_by = fingerprint("made_by/1", computed["code_version"])
        learned = open_table(store, LEARNING_SET)
        labelled = learned.select("content_id", "label").drop_nulls().unique().sort(pl.all())
        before = labelled_before(store, key, made_by)
        if before is not None and renewal_policy(settings).networks.stands(before, labelled):
            context.log.info("too few labelled photos changed to fine-tune anew: the networks stay")
            kept = store.artefacts.open(key)
            networks, labelled = open_networks(kept.path, int(str(kept.manifest.facts["steps"]))), before
        else:
            networks = _make_networks(context, store, tracking, settings, (name, made_by))
            # Those count as not learned from: where they are more than a few, learning goes on when they are back.
            labelled = labelled.filter(~pl.col("content_id").is_in(list(networks.away)))
        photos = distinct_photos(store).join(learned, on="content_id", how="semi", maintain_order="left")
        asked = complete_scores(settings, backbone, networks.tuned, photos, networks.scores, folds=networks.fold_of())
        scores, labels = asked.scores, networks.tuned.labels
        held_out = labelled.join(networks.folds, on="content_id", how="semi")

        def write(folder: Path) -> None:
            networks.write(folder, scores)
            write_table(folder / LABELLED_FILE, labelled)

        result = keep(
            store,
            key,
            write,
            facts={
                "made_by": made_by,
                "labels": digest(labels),
                "steps": networks.steps,
                **away_fact(networks.away | asked.away, learned.height),
            },
            metadata={
                "classes": len(labels),
                "photos": networks.folds.height,
                "held_out_accuracy": held_out_accuracy(labels, scores, held_out),
            },
        )
        shutil.rmtree(store.folder / UNFINISHED / key, ignore_errors=True)
        return result

    return fine_tuned


def _make_networks(
    context: dg.AssetExecutionContext, store: Store, tracking: Tracking, settings: Settings, asked: tuple[str, str]
) -> Networks:
    from imgsim_assets.vision.fine_tuning.teaching import teach
    from imgsim_assets.vision.fine_tuning.tuned_file import as_stored

    name, made_by = asked
    course = _plan(store, settings)
    if course is None:
        context.log.info("too few labelled photos to fine-tune on")
        return Networks()
    workshop = store.folder / UNFINISHED / fine_tuned_key(name)
    trained, away = teach(
        settings,
        name,
        distinct_photos(store).join(course.photos.filter(course.taught), on="content_id", how="semi"),
        labels=course.labels,
        taught=course.photos["content_id"].to_list(),
        lessons=course.lessons,
        pair_loss=batch_loss,
        folder=workshop / fingerprint("workshop/2", made_by, course.name()).replace("/", "-"),
    )
    if trained is None:
        context.log.warning("too few labelled photos could be read to fine-tune on")
        return Networks(away=away)
    folds = course.folds_table()
    context.log.info(f"{folds.height} photos of {len(course.labels)} classes, {trained.steps} steps in each fold")
    with tracked(context, tracking, fine_tuned_key(name)) as run:
        for fold, curve in enumerate(trained.curves):
            for epoch, loss in enumerate(curve):
                run.log_metrics({f"fine_tuning/{name}/fold_{fold}": loss}, step=epoch)
    return Networks(as_stored(trained.tuned), folds, trained.steps, {}, away)


def _plan(store: Store, settings: Settings) -> Course | None:
    return plan_course(
        open_table(store, LEARNING_SET),
        open_labels(store),
        chosen=settings.fine_tuning,
        confidence=settings.clusters.confidence,
        pool=lambda: read_pool(store, settings, guessing_recipe(settings.backbones)),
    )
