"""The class that a photo was learned as, and the class of one that came later."""

import numpy as np
import polars as pl

from imgsim_assets.retrieval.head_training import learn_head, with_classes
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos

TRAINING = pl.DataFrame(
    [
        ("train", "a", "cat", "cat", 0),
        ("train", "b", "dog", "dog", 1),
        ("train", "c", None, "dog", 1),
        ("test", "d", None, None, -1),
    ],
    ["split", "content_id", "label", "class", "class_number"],
    orient="row",
)


def test_a_photo_has_the_class_that_it_was_learned_as_and_a_new_one_that_of_its_label():
    asked = [
        ("test", "d", None, None, -1),
        ("train", "c", None, "dog", 1),
        ("train", "a", "cat", "cat", 0),
        ("train", "new", "dog", "dog", 1),
        ("train", "a", "dog", "dog", 1),
        ("train", "other", "owl", "owl", -1),
        ("train", "none", None, None, -1),
    ]
    rows = [(split, f"{number}.jpg", content_id, label) for number, (split, content_id, label, *_) in enumerate(asked)]
    found = with_classes(pl.DataFrame(rows, ["split", "name", "content_id", "label"], orient="row"), TRAINING)
    assert found["name"].to_list() == [f"{number}.jpg" for number in range(len(asked))]
    assert found.select("content_id", "label", "class", "class_number").rows() == [row[1:] for row in asked]


def test_what_is_left_out_has_no_class_and_is_guessed_all_the_same():
    vectors, classes = draw_photos(4, 8)
    known = np.where(np.arange(len(classes)) % 2, classes, -1)
    labels = LabelCodec.of(pl.Series(["w", "x", "y", "z"]))
    photos = pl.DataFrame(
        {"split": "train", "content_id": [str(row) for row in range(len(classes))], "label": labels.decode(known)}
    )
    learned = learn_head(photos, draw_pool(vectors, known), draw_recipe(), 0.9, labels)
    assert learned.training["class_number"].to_list() == known.tolist()
    assert learned.training["class"].to_list() == labels.decode(known)
    assert None not in learned.training["pseudo_label"].to_list()
    assert learned.facts["mode"] == "labelled"
    assert learned.facts["classes"] == 4
    assert learned.facts["photos_learned_from"] == (known != -1).sum()
