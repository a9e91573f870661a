"""The choice of a recipe: the ladder climbed by cross-validation on a sample of the labelled train photos."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.average_precision import Floats
from imgsim_assets.retrieval.clusters import MOSTLY_LABELLED, Clusters
from imgsim_assets.retrieval.cross_validation import score_cosine
from imgsim_assets.retrieval.descriptors import assemble_descriptors, unsigned
from imgsim_assets.retrieval.folds import Folds, NotCrossValidated, deal_folds
from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.ladder import Climb, climb
from imgsim_assets.retrieval.learning_set import Pool, learning_mode
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.projection import CurvePoint
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.rungs import NEEDS_DENSITY, families, first_recipe, standing_recipe, trusted_steps
from imgsim_assets.retrieval.scorer import Describe, Scorer
from imgsim_assets.settings import Backbone, HeadNumbers, Selection, Steps
from imgsim_assets.view_table import View

LEAST_A_CLASS = 4
DIMENSIONS = 512  # principal coordinates in which recipes are compared, at most: half the time, choices as good
STEP_COLUMNS: dict[str, Any] = {
    "step": pl.String,
    "name": pl.String,
    "map_at_10": pl.Float64,
    "gain": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "photos": pl.Int64,
    "verdict": pl.String,
}


@dataclass(frozen=True)
class Collection:
    """Photos as the choice sees them, row for row.

    `vectors` are float32 [n, d] by backbone and view; `diffused` is float64 [n, p]; `classes` int64 [n] is -1 for a
    photo without label and for every test photo; `groups` int64 [n] are near-duplicate groups; `left_out` bool [n]
    photos are not asked. `class_scores` as in `Pool`.
    """

    vectors: Mapping[tuple[str, str], npt.NDArray[np.float32]]
    diffused: Floats
    clusters: Clusters
    classes: Ints
    groups: Ints
    is_train: npt.NDArray[np.bool_]
    left_out: npt.NDArray[np.bool_]
    class_scores: Floats | None = None

    def sample(self, rows: Ints) -> "Collection":
        """Keep the photos of `rows`."""
        clusters = Clusters(self.clusters.numbers[rows], self.clusters.membership[rows], self.clusters.count)
        return Collection(
            vectors={key: values[rows] for key, values in self.vectors.items()},
            diffused=self.diffused[rows],
            clusters=clusters,
            classes=self.classes[rows],
            groups=self.groups[rows],
            is_train=self.is_train[rows],
            left_out=self.left_out[rows],
            class_scores=None if self.class_scores is None else self.class_scores[rows],
        )

    @property
    def takes_power(self) -> bool:
        """Whether power normalisation would change anything: it leaves vectors with a negative value as they are."""
        return any(bool(unsigned(values).any()) for values in self.vectors.values())

    def plain_scores(self, backbone: str, view: View, folds: Folds) -> Floats:
        """Score plain cosine of one view: float64 [m]."""
        descriptors = assemble_descriptors({(backbone, view): self.vectors[backbone, view]})
        return score_cosine(descriptors, self.classes, folds)

    def pool(self, recipe: Recipe) -> Pool:
        """Put the photos into the recipe's coordinates."""
        joined: dict[tuple[str, str], npt.NDArray[np.floating]] = {
            (name, view): self.vectors[name, view] for name, views in recipe.views.items() for view in views
        }
        descriptors = assemble_descriptors(joined, recipe.power)
        axes = principal_axes(descriptors, recipe.dimensions)
        return Pool(
            axes,
            axes.project(descriptors),
            self.diffused,
            self.clusters,
            self.classes,
            self.groups,
            self.is_train,
            self.class_scores,
        )


@dataclass(frozen=True)
class Choice:
    """The recipe, and what each step earned: `STEP_COLUMNS`, the start first.

    `reason` says why the recipe was not chosen by evidence, if it was not; `photos` counts those asked; `curve` is how
    the learned projection was trained on them, where it was tried.
    """

    recipe: Recipe
    steps: pl.DataFrame
    reason: str | None
    photos: int
    curve: tuple[CurvePoint, ...] = ()

    def in_words(self) -> str:
        """Say which steps were taken, and what each gained, or why there is no evidence."""
        if self.reason:
            return f"not chosen by evidence: {self.reason}"
        taken = self.steps.filter(pl.col("verdict").is_in(["taken", "taken on trust", "forced on"]))
        steps = ", ".join(f"{name} {gain:+.4f}" for name, gain in taken.select("name", "gain").iter_rows())
        return f"chosen on {self.photos} labelled photos: {steps or 'plain cosine'}"


def choose(
    collection: Collection,
    offered: Mapping[str, Backbone],
    *,
    head: HeadNumbers,
    steps: Steps,
    selection: Selection,
    confidence: float,
) -> Choice:
    """Choose how to rank.

    Args:
        collection: all photos.
        offered: the configured backbones.
        head: the numbers of the steps.
        steps: the switches.
        selection: how the ladder is climbed.
        confidence: guesses below it are not learned from.
    """
    mostly_labelled = learning_mode(collection.classes[collection.is_train]) == "labelled"
    trusted = trusted_steps(mostly_labelled=mostly_labelled)
    if not collection.takes_power:
        head = head.model_copy(update={"power": 1.0})
    if collection.class_scores is None:
        offered = {name: one.model_copy(update={"fine_tune": False}) for name, one in offered.items()}
    sampled, folds = _sample(collection, selection)
    if isinstance(folds, NotCrossValidated):
        recipe = standing_recipe(offered, head, steps, trusted)
        return Choice(recipe, pl.DataFrame(schema=STEP_COLUMNS), folds.reason, 0)
    score = Scorer(describer(sampled), folds, confidence)
    best = max(offered, key=lambda name: np.nanmean(sampled.plain_scores(name, offered[name].views[0], folds)))
    compared = head.model_copy(update={"dimensions": min(head.dimensions, DIMENSIONS)})
    start = first_recipe(best, offered, compared)
    climbed = climb(
        start,
        families(offered, head),
        steps if len(folds.rows) >= MOSTLY_LABELLED * collection.is_train.sum() else _without_density(steps),
        score,
        folds.count,
        trusted=trusted if selection.trust else frozenset(),
        samples=selection.bootstrap,
        seed=selection.seed,
    )
    tried = any(one.step == "projection" and one.photos for one in climbed.steps)
    curve = score.curve(climbed.recipe) if tried else ()
    recipe = climbed.recipe.with_(dimensions=head.dimensions)
    return Choice(recipe, _table(start, climbed), None, len(folds.rows), curve)


def _sample(collection: Collection, selection: Selection) -> tuple[Collection, Folds | NotCrossValidated]:
    """Draw the photos that recipes are compared on, and deal them out to folds."""
    if not selection.photos:
        return collection, NotCrossValidated("the settings say that no photo is looked at")
    rows = sample_rows(collection.classes, selection.photos, selection.seed)
    drawn = collection if len(rows) == len(collection.classes) else collection.sample(rows)
    return drawn, deal_folds(drawn.classes, drawn.groups, selection.folds, selection.seed, drawn.left_out)


def _without_density(steps: Steps) -> Steps:
    """Switch off what hangs on how densely photos lie, unless it is forced on: a thinned gallery cannot tell."""
    undecided = {name for name in NEEDS_DENSITY if getattr(steps, name) == "auto"}
    return steps.model_copy(update=dict.fromkeys(undecided, "off"))


def describer(collection: Collection) -> Describe:
    """Give the function that puts the photos into a recipe's coordinates.

    Most steps leave them as they are, and principal coordinates of wide descriptors take seconds: the last two stay.
    """

    @functools.lru_cache(maxsize=2)
    def described(text: str) -> Pool:
        return collection.pool(Recipe.model_validate_json(text))

    return lambda recipe: described(recipe.described_part().model_dump_json())


def sample_rows(classes: Ints, limit: int, seed: int) -> Ints:
    """Draw at most about `limit` labelled photos and at most as many others: rising rows.

    Of each class equally many where there are so many; where even four of each would be too many, of some classes
    only, for a class of one or two photos tells nothing.
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(classes))
    labelled, others = shuffled[classes[shuffled] != UNKNOWN], shuffled[classes[shuffled] == UNKNOWN]
    if len(labelled) > limit:
        numbers = random.permutation(np.unique(classes[labelled]))
        each = max(LEAST_A_CLASS, limit // len(numbers))
        drawn = numbers[: max(1, limit // each)]
        labelled = np.concatenate([labelled[classes[labelled] == number][:each] for number in drawn])
    return np.sort(np.concatenate([labelled, others[:limit]])).astype(np.int64)


def _table(start: Recipe, climbed: Climb) -> pl.DataFrame:
    (backbone,) = start.views
    bottom = {"step": "start", "name": f"plain cosine, {backbone}", "map_at_10": climbed.start, "verdict": "start"}
    return pl.DataFrame([bottom, *map(asdict, climbed.steps)], schema=STEP_COLUMNS).fill_nan(None)
