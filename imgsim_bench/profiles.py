"""`imgsim bench profiles`: what a profile of some of the embedded backbones would serve, and what it costs a photo."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import polars as pl

from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import LEARNING_SET
from imgsim_assets.assets.learning.pool import read_collection
from imgsim_assets.errors import SettingsError
from imgsim_assets.progress import track
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.choice import Collection, choose
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.retrieval.learning_set import learned_classes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.photo import decode_photo
from imgsim_bench.collection import Truth, read_truth
from imgsim_bench.judging import judged
from imgsim_bench.markdown import table_lines

Profile = Mapping[str, Backbone]

ALL_VIEWS = "~"
TIMED = 96  # photos
BATCH = 32
MANY = 10_000  # photos that a backbone is told to come, so that it runs as in a large collection


def measure_profiles(settings: Settings, profiles: Sequence[str]) -> pl.DataFrame:
    """Choose, fit and judge the ranking of each profile, as `imgsim sync` would but for fine-tuning and pseudo-labels.

    Guesses come from clusters over the vectors of all embedded backbones: they would tell a profile what others saw.

    Args:
        settings: of a state folder in which all backbones are embedded.
        profiles: names of backbones joined by `+`; `~` after a name: with all its views, else the first.

    Returns:
        One row each: `profile`, `chosen_by` (MAP@10 of the chosen recipe by the cross-validation that chose it),
        `map_at_10` with `low` and `high` as in `judged`, `ladder_cpu_s` and `cpu_ms_a_photo` of embedding by one
        thread, and the `members` that the recipe takes.

    Raises:
        ArtefactError: nothing is embedded yet.
        InputError: there are too few labels to judge by.
        SettingsError: a profile names a backbone that is not configured.
    """
    offered = {name: read_profile(name, settings.backbones) for name in profiles}
    store = Store(state=str(settings.places.state))
    truth = read_truth(store, open_table(store, LEARNING_SET))
    collection = read_collection(store, settings, asks=truth.asks)
    costs = _costs(store, settings)
    rows = []
    for name, profile in track(offered.items(), "ranking", total=len(offered), unit="profile"):
        began = time.process_time()
        seen = replace(collection, vectors={key: collection.vectors[key] for key in _views(profile)})
        choice = choose(
            seen,
            profile,
            head=settings.head,
            steps=settings.steps.model_copy(update={"pseudo_labels": "off"}),
            selection=settings.selection,
            confidence=settings.clusters.confidence,
        )
        ladder = time.process_time() - began
        taken = choice.steps.filter(pl.col("verdict").is_in(["start", "taken", "taken on trust", "forced on"]))
        rows.append(
            {
                "profile": name,
                "chosen_by": taken["map_at_10"].last(),
                **judged(_score(seen, choice.recipe, truth, settings.clusters.confidence), None),
                "ladder_cpu_s": ladder,
                "cpu_ms_a_photo": sum(costs[member] * len(one.views) for member, one in profile.items()),
                "members": ", ".join(choice.recipe.views),
            }
        )
    return pl.DataFrame(rows).drop("gain", "gain_low", "gain_high")


def read_profile(text: str, backbones: Profile) -> dict[str, Backbone]:
    """Read a profile's backbones and views, see `measure_profiles`.

    Raises:
        SettingsError: one is not among `backbones`.
    """
    found = {}
    for part in text.split("+"):
        name = part.strip().removesuffix(ALL_VIEWS)
        if name not in backbones:
            raise SettingsError(
                f"backbones among {', '.join(backbones)}", f"{name!r}", "embed it first, or leave it out"
            )
        backbone = backbones[name]
        views = backbone.views if part.strip().endswith(ALL_VIEWS) else backbone.views[:1]
        found[name] = backbone.model_copy(update={"views": views, "fine_tune": False})
    return found


def in_markdown(table: pl.DataFrame) -> str:
    """Write what `measure_profiles` gave as a table for the docs."""
    head = ("profile", "by cross-validation", "MAP@10", "95% interval", "ladder, CPU s", "CPU ms a photo", "taken")
    rows = (
        [
            row["profile"],
            f"{row['chosen_by']:.3f}",
            f"{row['map_at_10']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['ladder_cpu_s']:.0f}",
            f"{row['cpu_ms_a_photo']:.0f}",
            row["members"],
        ]
        for row in table.iter_rows(named=True)
    )
    return "\n".join(table_lines(head, rows))


def _views(profile: Profile) -> list[tuple[str, str]]:
    return [(name, view) for name, backbone in profile.items() for view in backbone.views]


def _score(collection: Collection, recipe: Recipe, truth: Truth, confidence: float) -> Floats:
    """Fit the recipe to what may be learned from, and give AP@10 of the photos that ask."""
    pool = collection.pool(recipe)
    learned = learned_classes(pool, recipe, confidence)
    head = fit_head(pool.axes, pool.learned_as(learned), recipe)
    gallery = gallery_vectors(head, pool.coordinates[pool.is_train], pool.classes[pool.is_train])
    found, _ = exact_neighbours(gallery, query_vectors(head, pool.coordinates[truth.asks], gallery), LIST)
    return average_precision(*relevance(found, truth.classes[truth.asks], truth.classes[~truth.asks]))


def _costs(store: Store, settings: Settings) -> dict[str, float]:
    """Time framing and embedding of one view by each backbone, one thread: CPU milliseconds a photo."""
    paths = islice(distinct_photos(store)["path"], TIMED)
    pictures = [decode_photo(settings.places.data / path, settings.ingest.max_pixels) for path in paths]
    runtime = settings.runtime.model_copy(update={"threads": 1})
    costs = {}
    for name, backbone in settings.backbones.items():
        model = load_backbone(backbone, runtime, settings.places.models)
        model.prepare(MANY)
        model.embed(np.stack([model.framing(picture) for picture in pictures[:BATCH]]))
        began = time.process_time()
        for start in range(0, len(pictures), BATCH):
            model.embed(np.stack([model.framing(picture) for picture in pictures[start : start + BATCH]]))
        costs[name] = 1000 * (time.process_time() - began) / len(pictures)
    return costs
