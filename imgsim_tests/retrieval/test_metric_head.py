import numpy as np
import pytest

from imgsim_assets.retrieval.class_sets import query_features
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_tests.retrieval.heads import draw_head
from imgsim_tests.retrieval.synthetic import draw_photos


def by_likelihood(head: MetricHead, photos: np.ndarray) -> np.ndarray:
    return query_features(head.metric.project(photos), head.metric.between) @ head.sets.T


@pytest.mark.parametrize("evidence", ["logistic", "glrt", "fused"])
def test_log_odds_are_those_of_the_evidence_that_the_recipe_names(evidence):
    vectors, classes = draw_photos(6, 8)
    head, photos = draw_head(vectors, classes, evidence=evidence)
    assert (head.logistic is None) == (evidence == "glrt")
    expected = {
        "logistic": lambda: head.logistic.logits(photos) / head.tuning.logistic,
        "glrt": lambda: by_likelihood(head, photos) / head.tuning.glrt,
        "fused": lambda: head.tuning.fused(by_likelihood(head, photos), head.logistic.logits(photos)),
    }[evidence]()
    np.testing.assert_allclose(head.log_odds(photos), expected)
