"""Labels get the same number whatever the photos' order, and come back from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.label_codec import LabelCodec


def test_labels_get_the_same_number_in_any_order_and_none_gets_minus_one():
    codec = LabelCodec.of(["b", None, "a"], ["c", "b"])
    assert codec == LabelCodec.of(["c", "a"], ["b"])
    assert codec.encode(["b", None, "a"]).tolist() == [1, -1, 0]
    assert codec.encode(["c", "b"]).tolist() == [2, 1]


def test_a_label_without_a_number_is_refused():
    with pytest.raises(KeyError):
        LabelCodec.of(["a"]).encode(["b"])


def test_no_labels_are_no_numbers():
    codec = LabelCodec.of([None])
    assert codec.names == ()
    assert codec.encode([None]).tolist() == [-1]
    assert codec.encode([]).dtype == np.int64


@given(st.lists(st.none() | st.text()))
def test_labels_come_back_from_their_numbers_and_from_text(labels: list[str | None]):
    codec = LabelCodec.from_json(LabelCodec.of(labels).to_json())
    assert codec.decode(codec.encode(labels)) == labels
    assert list(codec.names) == sorted(set(labels) - {None})


def test_a_cluster_without_label_has_a_name_that_no_label_has():
    codec = LabelCodec.of(["a", "cluster_0001", "_cluster_0001"])
    assert codec.decode(np.array([-1, 3, 4])) == [None, "cluster_0000", "__cluster_0001"]
