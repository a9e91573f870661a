import pytest

from imgsim_assets.retrieval.coverage import coverage_in_words, label_coverage
from imgsim_assets.retrieval.evaluation import in_words


def test_nothing_is_said_where_everything_can_be_scored():
    covered = label_coverage(["cat", "dog"], ["dog", "cat", "cat"])
    assert covered["hidden_labels_of_no_class"] == covered["train_photos_without_label"] == 0
    assert coverage_in_words(covered) == ""
    assert coverage_in_words({}) == ""  # metrics of older publications


@pytest.mark.parametrize(
    ("hidden", "known"),
    [
        ("7", "007"),
        ("7.0", "007"),
        ("007", "7"),
        ("Cat", "cat"),
        ("cat ", "cat"),
        ("sea_lion", "Sea Lion"),
        ("sea-lion", "sea lion"),
        ("cafe\u0301", "caf\u00e9"),
        ("0", "000"),
        ("-1", "-01"),
    ],
)
def test_what_a_label_may_have_been_is_suggested(hidden, known):
    covered = label_coverage([hidden], [known, "other"])
    assert covered["hidden_labels_unlike"] == {hidden: known}
    assert coverage_in_words(covered) == (
        f"; all 1 hidden labels are of no class in train and not scored: {hidden!r} (perhaps {known!r})"
    )


def test_the_most_frequent_are_named_and_all_are_counted():
    hidden = ["a", "b", "b", "c", "d", "ant", "ant"]
    covered = label_coverage(hidden, ["ant", None, None])
    assert covered["hidden_labels_unlike"] == {"b": None, "a": None, "c": None}
    assert coverage_in_words(covered) == (
        "; 5 of 7 hidden labels are of no class in train and not scored: 'b', 'a', 'c'"
        "; 2 of 3 train photos have no label and count neither for nor against"
    )


def test_the_headline_says_it_with_and_without_a_score():
    covered = label_coverage(["0", "1"], ["000", "001"])
    score = {"map_at_10": 0.5, "ci95": [0.4, 0.6], "queries": 2, "source": "cross_validation"}
    told = in_words(score | covered)
    assert told.startswith("MAP@10 0.5000 (95% interval 0.4000 to 0.6000; 2 queries; by cross validation); all 2 ")
    assert "'0' (perhaps '000'), '1' (perhaps '001')" in told
    assert in_words({"map_at_10": None} | covered).startswith("MAP@10 not measured")
    assert "perhaps '000'" in in_words({"map_at_10": None} | covered)
