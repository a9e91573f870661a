import pytest

from imgsim_assets.retrieval.rungs import families, first_recipe, standing_recipe, trusted_steps
from imgsim_assets.settings import Backbone, HeadNumbers, Steps

OFFERED = {
    "first": Backbone(uri="compact:a", views=("rgb", "mirror", "zoom", "zoom_mirror")),
    "second": Backbone(uri="compact:b", views=("rgb", "mirror", "canny_focus")),
}
HEAD = HeadNumbers(power=0.4, dimensions=64, shrinkage=0.2, pair_weight=0.05)


def rungs():
    return {rung.name: rung for family in families(OFFERED, HEAD) for rung in family}


def test_every_step_of_the_settings_is_a_rung_and_the_other_way_round():
    assert {rung.step for rung in rungs().values()} == set(Steps.model_fields)


def test_the_ladder_starts_with_plain_cosine_of_one_view():
    start = first_recipe("second", OFFERED, HEAD)
    assert start.views == {"second": ("rgb",)}
    assert (start.power, start.evidence, start.likeness, start.learns) == (1.0, "likeness", "cosine", False)
    assert (start.dimensions, start.shrinkage, start.pair_weight) == (64, 0.2, 0.05)


def test_views_are_joined_as_they_are_offered_and_with_their_mirror_images():
    recipe = first_recipe("first", OFFERED, HEAD)
    zoomed = rungs()["view zoom"].take(recipe)
    assert zoomed.views == {"first": ("rgb", "zoom")}
    mirrored = rungs()["mirror images"].take(zoomed)
    assert mirrored.views == {"first": ("rgb", "mirror", "zoom", "zoom_mirror")}
    assert rungs()["view zoom"].take(rungs()["mirror images"].take(recipe)) == mirrored
    both = rungs()["with second"].take(mirrored)
    assert both.views == {**mirrored.views, "second": ("rgb", "mirror")}
    assert rungs()["view canny_focus"].take(both).views["second"] == ("rgb", "mirror", "canny_focus")
    assert rungs()["view canny_edges"].take(both) == both
    assert rungs()["with first"].take(both) == both


def test_what_learns_nothing_has_nothing_to_project_or_guess_for():
    start = first_recipe("first", OFFERED, HEAD)
    for name in ("learned projection", "pseudo-labels"):
        assert rungs()[name].take(start) == start
        assert rungs()[name].take(start.with_(evidence="glrt")) != start.with_(evidence="glrt")
    logistic = start.with_(evidence="logistic", likeness="metric")
    assert rungs()["learned projection"].take(logistic) == logistic


@pytest.mark.parametrize("mostly_labelled", [True, False])
def test_the_standing_recipe_takes_what_is_trusted(mostly_labelled):
    recipe = standing_recipe(OFFERED, HEAD, Steps(), trusted_steps(mostly_labelled=mostly_labelled))
    assert recipe.views == {name: backbone.views for name, backbone in OFFERED.items()}
    assert (recipe.power, recipe.evidence, recipe.likeness) == (0.4, "fused", "metric")
    assert recipe.pseudo_labels is not mostly_labelled
    assert [recipe.projection, recipe.augmentation, recipe.expansion, recipe.reciprocal] == [False] * 4


def test_switches_rule_the_standing_recipe():
    steps = Steps(ensemble="off", zoom="off", fusion="off", reciprocal="on", pseudo_labels="off")
    recipe = standing_recipe(OFFERED, HEAD, steps, trusted_steps(mostly_labelled=False))
    assert recipe.views == {"first": ("rgb", "mirror")}
    assert (recipe.evidence, recipe.reciprocal, recipe.pseudo_labels) == ("glrt", True, False)
