"""MAP@10 by source and by ranking: honest sources, paired gains, and what metrics.json promises."""

import math

import numpy as np
import polars as pl
import pytest

from imgsim_assets.retrieval.evaluation import (
    QUERY_COLUMNS,
    headline_metrics,
    in_words,
    score_by_cross_validation,
    score_on_solution,
    served_measures,
    summarise,
)
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_assets.settings import Evaluation
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe

EVALUATION = Evaluation(folds=3, bootstrap=200)


def queries(*rows: tuple[str, float | None, float | None]) -> pl.DataFrame:
    columns = [
        (source, f"q{number}", "cat", False, served, cosine) for number, (source, served, cosine) in enumerate(rows)
    ]
    return pl.DataFrame(columns, schema=QUERY_COLUMNS, orient="row")


def two_classes(per_class: int = 12, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Photos of two classes that a metric tells apart, and cosine hardly: the class is in a weak direction."""
    random = np.random.default_rng(seed)
    labels = np.repeat(["cat", "dog"], per_class)
    vectors = random.normal(size=(2 * per_class, 12))
    vectors[:, 0] = np.where(labels == "cat", 0.6, -0.6) + 0.05 * random.normal(size=2 * per_class)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    split = np.where(np.arange(2 * per_class) % 4 == 0, "test", "train")
    photos = pl.DataFrame(
        {
            "split": split,
            "name": [f"{number}.jpg" for number in range(2 * per_class)],
            "content_id": [f"{number:032x}" for number in range(2 * per_class)],
            "label": [label if part == "train" else None for label, part in zip(labels, split, strict=True)],
            "near_duplicate_group": np.arange(2 * per_class, dtype=np.uint32),
            "leaked": np.zeros(2 * per_class, dtype=bool),
        }
    )
    return photos, vectors.astype(np.float32)


def test_the_summary_holds_means_intervals_and_the_paired_gain():
    table = summarise(queries(("solution", 1.0, 0.5), ("solution", 0.5, 0.25), ("solution", None, None)), EVALUATION)
    by_ranking = {row["ranking"]: row for row in table.iter_rows(named=True)}
    assert by_ranking["served"]["value"] == pytest.approx(0.75)
    assert by_ranking["cosine"]["value"] == pytest.approx(0.375)
    assert by_ranking["gain"]["value"] == pytest.approx(0.375)
    assert all(row["low"] <= row["value"] <= row["high"] for row in by_ranking.values())
    assert {(row["queries"], row["queries_without_relevant"]) for row in by_ranking.values()} == {(2, 1)}


def test_hidden_labels_come_first_and_cross_validation_stands_in():
    both = summarise(queries(("cross_validation", 0.4, 0.2), ("solution", 0.8, 0.5)), EVALUATION)
    metrics = headline_metrics(both)
    assert (metrics["source"], metrics["map_at_10"]) == ("solution", 0.8)
    assert metrics["cross_validated_map_at_10"] == pytest.approx(0.4)
    assert metrics["gain_over_cosine"] == pytest.approx(0.3)
    alone = headline_metrics(summarise(queries(("cross_validation", 0.4, 0.2)), EVALUATION))
    assert (alone["source"], alone["map_at_10"], alone["queries"]) == ("cross_validation", 0.4, 1)


@pytest.mark.parametrize("rows", [(), (("solution", None, None),)], ids=["no queries", "none can be scored"])
def test_without_labels_nothing_is_claimed(rows):
    metrics = headline_metrics(summarise(queries(*rows), EVALUATION))
    assert metrics == {"map_at_10": None, "ci95": None, "queries": 0, "source": None}
    assert "not measured" in in_words(metrics)


def validate(photos, descriptors, evaluation=EVALUATION):
    classes = LabelCodec.of(photos["label"]).encode(photos["label"])
    is_train = (photos["split"] == "train").to_numpy()
    pool = draw_pool(descriptors, np.where(is_train, classes, -1), is_train, clusters=2)
    return score_by_cross_validation(
        photos, pool, descriptors, recipe=draw_recipe(), confidence=0.6, evaluation=evaluation
    )


def test_cross_validation_asks_train_photos_only_and_finds_the_gain():
    photos, descriptors = two_classes(per_class=40)
    scored, why_not = validate(photos, descriptors)
    assert why_not is None
    assert set(scored["photo"]) == set(photos.filter(pl.col("split") == "train")["content_id"])
    summary = summarise(scored, EVALUATION)
    gain = summary.filter(pl.col("ranking") == "gain")
    assert gain["low"].item() > 0


def test_queries_with_a_copy_in_the_other_split_are_reported_apart():
    scored = queries(("solution", 1.0, 0.5), ("solution", 0.5, 0.5), ("solution", 0.25, 0.5))
    leaking = scored.with_columns(leaked=pl.Series([True, False, False]))
    metrics = headline_metrics(summarise(leaking, EVALUATION))
    assert metrics["map_at_10"] == pytest.approx(1.75 / 3)
    assert metrics["map_at_10_without_copies"] == pytest.approx(0.375)
    without = headline_metrics(summarise(scored, EVALUATION))
    assert without["map_at_10_without_copies"] == without["map_at_10"]


def test_train_photos_with_a_copy_in_test_can_be_left_out_of_cross_validation():
    photos, descriptors = two_classes(per_class=40)
    copies = photos.with_columns(leaked=pl.int_range(pl.len()) % 5 == 1)
    kept, _ = validate(copies, descriptors)
    assert kept["leaked"].any()
    left_out, _ = validate(copies, descriptors, EVALUATION.model_copy(update={"leaked": "leave_out"}))
    assert set(left_out["photo"]) == set(kept.filter(~pl.col("leaked"))["photo"])


def test_cross_validation_says_why_there_is_none():
    photos, descriptors = two_classes()
    scored, why_not = validate(photos.with_columns(label=pl.lit(None, dtype=pl.String)), descriptors)
    assert scored.is_empty()
    assert scored.columns == list(QUERY_COLUMNS)
    assert why_not


def test_cosine_is_that_of_the_train_photos_by_a_naive_search():
    photos, descriptors = two_classes()
    labels = dict(zip(photos["name"], np.repeat(["cat", "dog"], 12), strict=True))
    test, train = (photos.filter(pl.col("split") == split) for split in ("test", "train"))
    truth = test.select("name").with_columns(label=test["name"].replace_strict(labels))
    served = truth.with_columns(average_precision=pl.lit(1.0))
    photos = photos.with_columns(leaked=pl.col("name") == test["name"][0])
    scored = score_on_solution(served, truth, photos, descriptors)
    assert scored["leaked"].to_list() == [True] + [False] * (test.height - 1)
    vectors = dict(zip(photos["name"], descriptors.astype(np.float64), strict=True))
    for row in scored.iter_rows(named=True):
        ranked = sorted(train["name"], key=lambda name: -float(vectors[name] @ vectors[row["photo"]]))[:10]
        relevant = [labels[name] == row["label"] for name in ranked]
        possible = min(10, sum(labels[name] == row["label"] for name in train["name"]))
        naive = sum(sum(relevant[: k + 1]) / (k + 1) for k in range(10) if relevant[k]) / possible
        assert math.isclose(row["cosine_average_precision"], naive, abs_tol=1e-9)
    assert scored["average_precision"].to_list() == [1.0] * test.height


def test_served_measures_are_means_over_what_can_be_scored():
    served = pl.DataFrame(
        {"name": ["a", "b", "c"], "precision_at_1": [1.0, 0.0, None], "recall_at_10": [0.5, 0.1, None]}
    )
    confidence = pl.DataFrame({"name": ["c", "b", "a"], "confidence": [0.1, 0.8, 0.9]})
    found = served_measures(served, confidence)
    assert found["precision_at_1"] == 0.5
    assert found["recall_at_10"] == pytest.approx(0.3)
    assert found["brier_score"] == pytest.approx((0.1**2 + 0.8**2) / 2)
    assert served_measures(served.filter(pl.col("name") == "c"), confidence) == {}
