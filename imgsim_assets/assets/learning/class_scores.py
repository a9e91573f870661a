"""The group `learning`: what fine-tuned networks say of each photo, by one that has not learned from it."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keys import LEARNING, RAW_IMAGES, class_scores_key, fine_tuned_backbones, fine_tuned_key
from imgsim_assets.assets.publishing import TABLE, away, publish
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import digest
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.storage.artefacts import Artefact
from imgsim_assets.storage.formats import read_array, read_table, write_array, write_table
from imgsim_assets.storage.versioned_folder import JSON
from imgsim_assets.vision.rows import open_row
from imgsim_assets.vision.threads import thread_count

if TYPE_CHECKING:
    from imgsim_assets.vision.fine_tuning.scoring import Scored
    from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned

REVISION = "class_scores/1"
NETWORKS_FILE = "networks.safetensors"
FOLDS_FILE = "folds.parquet"
SCORES_FILE = "scores.npy"

Scores = npt.NDArray[np.float32]


def read_class_scores(
    store: Store, keys: Sequence[str], ids: Sequence[str], labels: Sequence[str]
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
        known, scores = _read(artefact)
        if not scores.shape[1]:
            return None
        if artefact.manifest.facts["labels"] != digest(labels):
            raise ArtefactError(f"class scores in {key} for the present labels", "for others", "run `imgsim sync`")
        rows = {content_id: row for row, content_id in enumerate(known)}
        found = np.full((len(ids), scores.shape[1]), -np.log(scores.shape[1]))
        places = [(place, rows[one]) for place, one in enumerate(ids) if one in rows]
        if places:
            to, taken = np.array(places).T
            found[to] = scores[taken]
        said.append(found)
    return np.mean(said, axis=0) if said else None


def read_scores(artefact: Artefact) -> dict[str, Scores]:
    """Read what an artefact knows of photos: float32 [c] by content id."""
    return dict(zip(*_read(artefact), strict=True))


def write_scores(folder: Path, scores: Mapping[str, Scores], classes: int) -> None:
    """Write what is known of photos, float32 [c] by content id."""
    write_table(folder / TABLE, pl.DataFrame({"content_id": list(scores)}, schema={"content_id": pl.String}))
    write_array(folder / SCORES_FILE, np.array(list(scores.values()), dtype=np.float32).reshape(len(scores), classes))


def _read(artefact: Artefact) -> tuple[list[str], Scores]:
    return read_table(artefact.path(TABLE))["content_id"].to_list(), np.asarray(read_array(artefact.path(SCORES_FILE)))


def complete_scores(
    settings: Settings,
    backbone: Backbone,
    tuned: "FineTuned",
    photos: pl.DataFrame,
    known: Mapping[str, Scores],
    *,
    folds: Mapping[str, int] = MappingProxyType({}),
) -> "Scored":
    """Ask the networks about those photos, rows of `raw_images`, of which nothing is `known`.

    Args:
        settings: where photos and weights are, and how to run them.
        backbone: what was fine-tuned.
        tuned: what came of it.
        photos: that are wanted.
        known: what the networks said before.
        folds: of photos that were learned from: their own fold's network alone is asked.

    Returns:
        What they say of the photos, in their order; nothing of one where nothing was learned, or that cannot be read.
    """
    missing = photos.filter(~pl.col("content_id").is_in(list(known)))
    asked = _ask(settings, backbone, tuned, missing, folds)
    found = {**known, **asked.scores}
    return replace(asked, scores={one: found[one] for one in photos["content_id"] if one in found})


def _ask(
    settings: Settings, backbone: Backbone, tuned: "FineTuned", photos: pl.DataFrame, folds: Mapping[str, int]
) -> "Scored":
    from imgsim_assets.vision.fine_tuning.loading import load_trained
    from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, Scored, score_photos

    if not tuned.folds or photos.is_empty():
        return Scored({}, frozenset())

    def asked() -> Iterator[PhotoToScore]:
        for photo in photos.iter_rows(named=True):
            opening = functools.partial(open_row, settings, photo)
            yield PhotoToScore(photo["content_id"], opening, folds.get(photo["content_id"]))

    return score_photos(
        asked(),
        load_trained(backbone, tuned.size, settings.runtime, settings.places.models),
        tuned,
        backbone.views,
        workers=thread_count(settings.runtime.threads),
        total=photos.height,
    )


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
        from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned

        artefact = store.artefacts.open(of_networks)
        networks = artefact.manifest.files[NETWORKS_FILE].digest
        tuned = load_tuned(artefact.path(NETWORKS_FILE))
        photos = distinct_photos(store)
        made_by = artefact.manifest.facts["made_by"]
        known = _known_before(store, key, {"networks": networks, "made_by": made_by}) | read_scores(artefact)
        asked = complete_scores(settings, backbone, tuned, photos, known)
        scores = asked.scores
        if tuned.folds and len(scores) < photos.height:
            context.log.warning(f"no class scores by {name} for {photos.height - len(scores)} photos")
        return publish(
            store,
            key,
            lambda folder: write_scores(folder, scores, len(tuned.labels)),
            facts={
                "networks": networks,
                "made_by": made_by,
                "labels": digest(tuned.labels),
                **away(asked.away, photos.height),
            },
            metadata={
                "photos": len(scores),
                "computed": sum(one not in known for one in photos["content_id"]),
                "classes": len(tuned.labels),
            },
        )

    return class_scores


def _known_before(store: Store, key: str, made_by: dict[str, JSON]) -> dict[str, Scores]:
    """Give what the same networks, asked in the same way, said of photos before."""
    try:
        present = store.artefacts.open(key)
    except ArtefactError:
        return {}
    same = all(present.manifest.facts.get(name) == value for name, value in made_by.items())
    return read_scores(present) if same else {}
