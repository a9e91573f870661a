"""The rungs of the ranking ladder: each step of ranking as a change of the recipe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Backbone, HeadNumbers, Steps, Switch
from imgsim_assets.view_table import JOINED, MIRRORS, View

TRUSTED = frozenset({"glrt_set", "ensemble", "power", "mirror", *JOINED, "fusion", "fine_tuned"})
NEEDS_DENSITY = frozenset({"augmentation", "expansion", "reciprocal"})


@dataclass(frozen=True)
class Rung:
    """One candidate: `step` is its switch in the settings, `name` what people read.

    `take` gives the recipe with the step in it, or the same recipe where it does not apply.
    """

    step: str
    name: str
    take: Callable[[Recipe], Recipe]


Family = tuple[Rung, ...]  # alternatives: at most one of them is taken


def first_recipe(backbone: str, offered: Mapping[str, Backbone], head: HeadNumbers) -> Recipe:
    """Start the ladder: plain cosine of the first view of one backbone."""
    return Recipe(
        views={backbone: offered[backbone].views[:1]},
        dimensions=head.dimensions,
        shrinkage=head.shrinkage,
        pair_weight=head.pair_weight,
    )


def trusted_steps(*, mostly_labelled: bool) -> frozenset[str]:
    """Name the steps that have served other collections well: they stand where no label can judge.

    Why they are trusted: docs/decisions/0007-steps-on-evidence-or-trust.md. Guesses are among them unless most train
    photos are labelled.
    """
    return TRUSTED if mostly_labelled else TRUSTED | {"pseudo_labels"}


def standing_recipe(
    offered: Mapping[str, Backbone], head: HeadNumbers, steps: Steps, trusted: frozenset[str]
) -> Recipe:
    """Give what stands where no labels can choose: the trusted steps, and those that are switched on."""
    recipe = first_recipe(next(iter(offered)), offered, head)
    for family in families(offered, head):
        for rung in family:
            switch = switch_of(rung, steps)
            if switch == "on" or (switch == "auto" and rung.step in trusted):
                recipe = rung.take(recipe)
    return recipe


def switch_of(rung: Rung, steps: Steps) -> Switch:
    """Look up the rung's switch in the settings."""
    switch: Switch = getattr(steps, rung.step)
    return switch


def families(offered: Mapping[str, Backbone], head: HeadNumbers) -> Sequence[Family]:
    """List the rungs from the bottom up.

    What tells the classes comes before what only helps it: a view may lower cosine and raise the likelihood ratio.

    Args:
        offered: the configured backbones.
        head: the numbers of the steps.
    """
    return [
        (
            _plain("centring", "mean taken off", likeness="centred"),
            _plain("whitening", "half-whitened", likeness="whitened"),
        ),
        (
            _plain("glrt_pair", "GLRT against each photo", likeness="pair"),
            _plain("glrt_set", "GLRT against each class", evidence="glrt", likeness="metric"),
        ),
        *((Rung("ensemble", f"with {name}", _joining(name, offered)),) for name in offered),
        (_plain("power", f"power {head.power:g}", power=head.power),),
        (Rung("mirror", "mirror images", _mirroring(offered)),),
        *((Rung(view, f"view {view}", _viewing(view, offered)),) for view in JOINED),
        (
            _plain("logistic", "logistic regression alone", evidence="logistic", likeness="metric"),
            _plain("fusion", "with logistic regression", evidence="fused", likeness="metric"),
        ),
        (Rung("fine_tuned", "fine-tuned networks", _asking(offered)),),
        (Rung("projection", "learned projection", _projecting),),
        (Rung("pseudo_labels", "pseudo-labels", lambda recipe: recipe.with_(pseudo_labels=recipe.learns)),),
        (_plain("augmentation", "gallery augmentation", augmentation=True),),
        (_plain("expansion", "query expansion", expansion=True),),
        (_plain("reciprocal", "k-reciprocal re-ranking", reciprocal=True),),
    ]


def _plain(step: str, name: str, **changes: object) -> Rung:
    return Rung(step, name, lambda recipe: recipe.with_(**changes))


def _projecting(recipe: Recipe) -> Recipe:
    return recipe.with_(projection=recipe.learns and recipe.evidence != "logistic")


def _asking(offered: Mapping[str, Backbone]) -> Callable[[Recipe], Recipe]:
    """Ask the networks that were fine-tuned; they name classes, so that they tell nothing where none are sought."""
    names = tuple(name for name, backbone in offered.items() if backbone.fine_tune)
    return lambda recipe: recipe.with_(fine_tuned=names) if recipe.evidence != "likeness" else recipe


def _joining(name: str, offered: Mapping[str, Backbone]) -> Callable[[Recipe], Recipe]:
    def take(recipe: Recipe) -> Recipe:
        present = {view for views in recipe.views.values() for view in views}
        first, *others = offered[name].views
        joined = (first, *(view for view in others if view in present))
        return recipe if name in recipe.views else recipe.with_(views={**recipe.views, name: joined})

    return take


def _mirroring(offered: Mapping[str, Backbone]) -> Callable[[Recipe], Recipe]:
    return lambda recipe: _extended(recipe, offered, lambda view, present: MIRRORS.get(view) in present)


def _viewing(wanted: View, offered: Mapping[str, Backbone]) -> Callable[[Recipe], Recipe]:
    def take(recipe: Recipe) -> Recipe:
        mirrored = any(view in MIRRORS for views in recipe.views.values() for view in views)
        return _extended(recipe, offered, lambda view, _: view == wanted or (mirrored and MIRRORS.get(view) == wanted))

    return take


def _extended(
    recipe: Recipe, offered: Mapping[str, Backbone], wanted: Callable[[View, tuple[View, ...]], bool]
) -> Recipe:
    """Add the offered views that are wanted, in the order in which they are configured."""
    views = {
        name: tuple(view for view in offered[name].views if view in present or wanted(view, present))
        for name, present in recipe.views.items()
    }
    return recipe.with_(views=views)
