import numpy as np
import polars as pl

from imgsim_assets.retrieval.cluster_names import NAMED, name_clusters

WORDS = np.eye(3, dtype=np.float32)
NAMES = ["cat", "dog", "boat"]


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    rows_ = np.array(rows, dtype=np.float32)
    return rows_ / np.linalg.norm(rows_, axis=1, keepdims=True)


def test_a_cluster_has_the_name_that_is_nearest_to_its_mean():
    photos = unit((9, 1, 0), (9, 0, 1), (1, 9, 0), (4, 1, 9), (0, 1, 9))
    found = name_clusters(np.array([1, 1, 1, 0, 0]), photos, WORDS, NAMES)
    assert found.schema == NAMED
    assert found.rows() == [(1, 3, "cat", 2 / 3, "dog"), (0, 2, "boat", 1.0, "cat")]


def test_equal_words_are_named_in_their_order_and_one_word_has_no_second():
    photos, numbers = unit((1, 1, 0)), np.array([4])
    assert name_clusters(numbers, photos, WORDS, NAMES).row(0) == (4, 1, "cat", 1.0, "dog")
    assert name_clusters(numbers, photos, WORDS[:1], NAMES[:1]).row(0) == (4, 1, "cat", 1.0, None)


def test_the_largest_come_first_and_equal_ones_by_number():
    numbers = np.array([2, 0, 0, 1])
    found = name_clusters(numbers, unit((1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1)), WORDS, NAMES)
    assert found["cluster"].to_list() == [0, 1, 2]
    assert isinstance(found, pl.DataFrame)
