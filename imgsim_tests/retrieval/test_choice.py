"""The choice on drawn collections: what is taken follows from how they were drawn."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from imgsim_assets.retrieval import choice, side_by_side
from imgsim_assets.retrieval.choice import STEP_COLUMNS, Collection, choose, sample_rows
from imgsim_assets.retrieval.clusters import find_clusters
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.diffusion import diffusion_coordinates
from imgsim_assets.settings import Backbone, HeadNumbers, Selection, Steps
from imgsim_tests.retrieval.heads import draw_scores

OFFERED = {
    "telling": Backbone(uri="compact:a", views=("rgb", "mirror")),
    "blind": Backbone(uri="compact:b", views=("rgb",)),
}
FINE_TUNED = OFFERED | {"telling": OFFERED["telling"].model_copy(update={"fine_tune": True})}
TAKEN = {"taken", "taken on trust", "forced on"}
NO_PROJECTION = Steps(projection="off")


def collect(classes, labelled=None) -> Collection:
    """Draw photos of loud nuisance directions and quiet telling ones; the second backbone sees noise alone."""
    random = np.random.default_rng(0)
    means = random.normal(size=(classes.max() + 1, 16))[classes]

    def look(loudness):
        noise = random.normal(size=(len(classes), 16)) * 0.7
        return np.hstack([random.normal(size=(len(classes), 4)) * loudness, means + noise]).astype(np.float32)

    vectors = {
        ("telling", "rgb"): look(4.0),
        ("telling", "mirror"): look(4.0),
        ("blind", "rgb"): random.normal(size=(len(classes), 12)).astype(np.float32),
    }
    diffused = diffusion_coordinates(normalise(vectors["telling", "rgb"]))
    return Collection(
        vectors=vectors,
        diffused=diffused,
        clusters=find_clusters(diffused, int(classes.max()) + 1, 0),
        classes=classes if labelled is None else np.where(labelled, classes, -1),
        groups=np.arange(len(classes)),
        is_train=np.ones(len(classes), dtype=bool),
        left_out=np.zeros(len(classes), dtype=bool),
    )


def choose_for(collection, steps=NO_PROJECTION, *, offered=OFFERED, **selection):
    settings = Selection.model_validate({"bootstrap": 400} | selection)
    return choose(collection, offered, head=HeadNumbers(), steps=steps, selection=settings, confidence=0.6)


@pytest.fixture(scope="module")
def chosen():
    return choose_for(collect(np.repeat(np.arange(10), 20)))


def test_what_tells_the_classes_is_taken_and_noise_is_not(chosen):
    verdicts = dict(chosen.steps.select("name", "verdict").iter_rows())
    assert verdicts["GLRT against each class"] == "taken"
    assert verdicts["mirror images"] in TAKEN
    assert verdicts["with blind"] == "not taken"
    assert chosen.recipe.views == {"telling": ("rgb", "mirror")}
    assert chosen.recipe.evidence in {"glrt", "fused"}
    assert (chosen.reason, chosen.photos) == (None, 200)


def test_the_table_says_what_was_measured_on_how_many_photos(chosen):
    table = chosen.steps
    assert table.schema == pl.Schema(STEP_COLUMNS)
    assert table["name"][0] == "plain cosine, telling"
    for row in table[1:].iter_rows(named=True):
        if row["gain"] is None:
            assert row["verdict"] == "switched off"
            continue
        assert row["low"] <= row["gain"] <= row["high"]
        assert 0 <= row["map_at_10"] <= 1
        assert 100 <= row["photos"] <= chosen.photos
        assert row["verdict"] != "taken" or row["low"] > 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_photos_give_the_same_choice(chosen, threads, monkeypatch):
    monkeypatch.setattr(side_by_side, "threads_given", lambda: threads)
    again = choose_for(collect(np.repeat(np.arange(10), 20)))
    assert again.recipe == chosen.recipe
    assert again.steps.equals(chosen.steps)


def test_recipes_are_compared_in_fewer_coordinates_than_are_served(chosen, monkeypatch):
    monkeypatch.setattr(choice, "DIMENSIONS", 8)
    compared = choose_for(collect(np.repeat(np.arange(10), 20)))
    assert compared.recipe.dimensions == chosen.recipe.dimensions == HeadNumbers().dimensions
    assert not compared.steps.equals(chosen.steps)


def test_where_no_photo_is_looked_at_what_is_trusted_or_switched_on_stands():
    steps = Steps(glrt_set="on", power="off", mirror="off", projection="off", expansion="on")
    found = choose_for(collect(np.repeat(np.arange(10), 20)), steps, photos=0)
    assert found.steps.is_empty()
    assert found.photos == 0
    assert found.reason is not None
    assert "no photo is looked at" in found.reason
    assert found.recipe.views == {"telling": ("rgb",), "blind": ("rgb",)}
    assert (found.recipe.expansion, found.recipe.reciprocal, found.recipe.pseudo_labels) == (True, False, False)


def test_power_normalisation_is_tried_where_it_changes_something(chosen):
    assert "power" not in set(chosen.steps["step"])
    collection = collect(np.repeat(np.arange(10), 20))
    pooled = {key: np.abs(values) if key[0] == "blind" else values for key, values in collection.vectors.items()}
    assert "power" in set(choose_for(replace(collection, vectors=pooled)).steps["step"])


def test_shuffled_labels_earn_nothing():
    shuffled = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 20))
    collection = collect(np.repeat(np.arange(10), 20))
    lost = Collection(**{**vars(collection), "classes": shuffled})
    found = choose_for(lost)
    assert found.steps["map_at_10"].max() < 0.2


def test_without_labels_the_trusted_steps_stand():
    classes = np.repeat(np.arange(4), 6)
    found = choose_for(collect(classes, labelled=np.zeros(24, dtype=bool)))
    assert found.steps.is_empty()
    assert found.reason
    assert found.recipe.pseudo_labels
    assert found.recipe.views == {name: backbone.views for name, backbone in OFFERED.items()}


def test_few_labels_do_not_judge_what_hangs_on_density():
    classes = np.repeat(np.arange(8), 15)
    found = choose_for(collect(classes, labelled=np.arange(120) % 15 < 4))
    verdicts = dict(found.steps.select("step", "verdict").iter_rows())
    assert {verdicts[step] for step in ("augmentation", "expansion", "reciprocal")} == {"switched off"}
    assert verdicts["pseudo_labels"] != "switched off"


def test_the_projection_leaves_its_curve():
    found = choose_for(collect(np.repeat(np.arange(10), 20)), Steps())
    assert "projection" in found.steps["step"].to_list()
    assert [point.epoch for point in found.curve] == list(range(len(found.curve)))
    assert all(np.isfinite([point.loss, point.held_out]).all() for point in found.curve)
    assert len(found.curve) > 1


@pytest.mark.parametrize(("limit", "labelled"), [(1000, 300), (100, 100), (20, 20), (1, 4)])
def test_a_sample_is_even_and_bounded(limit, labelled):
    classes = np.concatenate([np.repeat(np.arange(10), 30), np.full(500, -1)])
    rows = sample_rows(classes, limit, 0)
    drawn = classes[rows]
    assert (np.diff(rows) > 0).all()
    assert (drawn != -1).sum() == labelled
    assert (drawn == -1).sum() == min(500, limit)
    sizes = np.unique(drawn[drawn != -1], return_counts=True)[1]
    assert sizes.min() == sizes.max() >= 4


@pytest.mark.slow
@pytest.mark.parametrize(("sharpness", "verdict"), [(3.0, "taken"), (0.0, "not taken")])
def test_fine_tuned_networks_are_asked_where_what_they_say_gains(sharpness: float, verdict: str):
    classes = np.repeat(np.arange(10), 20)
    collection = collect(classes)
    blurred = {
        key: values + np.random.default_rng(1).normal(size=values.shape).astype(np.float32) * 2.0
        for key, values in collection.vectors.items()
    }
    scores = draw_scores(classes, 10, sharpness)
    found = choose_for(replace(collection, vectors=blurred, class_scores=scores), offered=FINE_TUNED, trust=False)
    assert dict(found.steps.select("name", "verdict").iter_rows())["fine-tuned networks"] == verdict
    assert found.recipe.fine_tuned == (("telling",) if verdict == "taken" else ())


def test_fine_tuned_networks_that_had_nothing_to_learn_from_are_not_tried():
    collection = collect(np.repeat(np.arange(10), 20))
    found = choose_for(collection, NO_PROJECTION.model_copy(update={"fine_tuned": "on"}), offered=FINE_TUNED)
    assert "fine_tuned" not in found.steps["step"].to_list()
    assert found.recipe.fine_tuned == ()
