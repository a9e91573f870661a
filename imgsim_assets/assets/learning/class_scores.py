"""The group `learning`: what fine-tuned networks say of each photo, by one that has not learned from it."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keeping import keep, made_before
from imgsim_assets.assets.keys import LEARNING, RAW_IMAGES, class_scores_key, fine_tuned_backbones, fine_tuned_key
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import digest
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.fine_tuned import scores_of_photos
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.vision.away import away_fact
from imgsim_assets.vision.fine_tuning.networks import NETWORKS_FILE
from imgsim_assets.vision.fine_tuning.scores_file import read_scores, read_scores_by_id, write_scores

REVISION = "class_scores/1"


def read_class_scores(
    store: Store, keys: Iterable[str], ids: Iterable[str], labels: Sequence[str]
) -> npt.NDArray[np.float64] | None:
    """Read what fine-tuned backbones say of photos, the mean of their log probabilities.

    Args:
        store: where it is.
        keys: the assets that know it, one for each backbone.
        ids: content ids of the photos; one of which nothing is known is equally likely of every class.
        labels: of the classes, in the order of their numbers.

    Returns:
        float64 [n, c], row for row; None: there are no backbones, or they had nothing to learn from.

    Raises:
        ArtefactError: it is missing, or of other labels.
    """
    said = []
    for key in keys:
        artefact = store.artefacts.open(key)
        known, scores = read_scores(artefact.path)
        if not scores.shape[1]:
            return None
        if artefact.manifest.facts["labels"] != digest(labels):
            raise ArtefactError(f"class scores in {key} for the present labels", "for others", "run `imgsim sync`")
        said.append(scores_of_photos(list(ids), known, scores))
    return np.mean(said, axis=0) if said else None


def class_scores_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build one asset for each backbone that is fine-tuned."""
    return [_class_scores(settings, name, backbone) for name, backbone in fine_tuned_backbones(settings).items()]


def _class_scores(settings: Settings, name: str, backbone: Backbone) -> dg.AssetsDefinition:
    key, of_networks = class_scores_key(name), fine_tuned_key(name)

    @asset(
        settings,
        key,
        computed_by(REVISION, backbones={name: {"views": list(backbone.views)}}),
        group=LEARNING,
        kinds={"pytorch", "numpy"},
        pool="gpu",
        deps=[RAW_IMAGES, dg.AssetKey.from_user_string(of_networks)],
        description=f"Log probability of each class by the fine-tuned `{name}`. Only photos never asked are computed.",
    )
    def class_scores(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        from imgsim_assets.vision.fine_tuning.asking import complete_scores
        from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned

        artefact = store.artefacts.open(of_networks)
        networks = artefact.manifest.files[NETWORKS_FILE].digest
        tuned = load_tuned(artefact.path(NETWORKS_FILE))
        photos = distinct_photos(store)
        made_by = artefact.manifest.facts["made_by"]
        before = made_before(store, key, networks=networks, made_by=made_by)
        known = (read_scores_by_id(before.path) if before else {}) | read_scores_by_id(artefact.path)
        asked = complete_scores(settings, backbone, tuned, photos, known)
        scores = asked.scores
        if tuned.folds and len(scores) < photos.height:
            context.log.warning(f"no class scores by {name} for {photos.height - len(scores)} photos")
        return keep(
            store,
            key,
            lambda folder: write_scores(folder, scores, len(tuned.labels)),
            facts={
                "networks": networks,
                "made_by": made_by,
                "labels": digest(tuned.labels),
                **away_fact(asked.away, photos.height),
            },
            metadata={
                "photos": len(scores),
                "computed": sum(one not in known for one in photos["content_id"]),
                "classes": len(tuned.labels),
            },
        )

    return class_scores
