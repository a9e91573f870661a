"""The group `learning`, first part: the photos that everything else of the group learns from."""

from typing import Any

import dagster as dg

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.embeddings import recorded_fingerprints
from imgsim_assets.assets.keeping import PREVIEW_ROWS, TABLE, in_ui, keep, made_before
from imgsim_assets.assets.keys import LEARNING, LEARNING_SET, RAW_IMAGES, embedding_deps
from imgsim_assets.assets.learning.pool import LABELS_FILE, embedded_photos
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_assets.retrieval.renewal import KNOWN_BY, renewal_policy
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table, writing
from imgsim_assets.storage.versioned_folder import JSON
from imgsim_assets.vision.catalogue import leaked


def learning_set_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""

    @asset(
        settings,
        LEARNING_SET,
        computed_by("learning_set/2", learning=settings.learning, backbones=sorted(settings.backbones)),
        group=LEARNING,
        kinds={"polars", "parquet"},
        deps=[RAW_IMAGES, *embedding_deps(settings)],
    )
    def learning_set(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """The photos that ranking is learned from, train and test, known by content and label, and its labels' numbers.

        A few new photos do not change it, so nothing is learned anew for them: they are served by what was learned
        before. It is taken anew when more than a tenth has come (`learning.renewal`), when a photo of it is gone or has
        another label, when a label appears that none of it has, and when a backbone or a view changes.
        """
        photos = embedded_photos(store, settings)
        # Each content once for each split and label that it is found in.
        known = photos.with_columns(leaked(photos)).unique(KNOWN_BY, keep="first", maintain_order=True)
        present = known.select(*KNOWN_BY, "near_duplicate_group", "leaked")
        vectors: dict[str, JSON] = {
            f"{name}/{view}": one
            for name in sorted(settings.backbones)
            for view, one in recorded_fingerprints(store, name).items()
        }
        before = made_before(store, LEARNING_SET, vectors=vectors)
        taken = read_table(before.path(TABLE)) if before else present
        if not renewal_policy(settings).learning_set.stands(taken, present):
            taken = present
        waiting = present.height - taken.height
        if waiting:
            context.log.info(f"{waiting} new photos are ranked by what was learned from {taken.height} others")
        labels = LabelCodec.of(taken["label"]).to_json().encode()
        shown = {"photos": taken.height, "labelled": int(taken["label"].count()), "waiting": waiting}
        return keep(
            store,
            LEARNING_SET,
            writing({TABLE: taken, LABELS_FILE: labels}),
            facts={"vectors": vectors},
            metadata={**shown, "dagster/row_count": taken.height, "preview": in_ui(taken.head(PREVIEW_ROWS))},
        )

    return [learning_set]
