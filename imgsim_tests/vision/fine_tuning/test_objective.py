"""What fine-tuning asks for: of the right class nine tenths, and of all a little."""

import numpy as np
import pytest
import torch

from imgsim_assets.vision.fine_tuning.objective import SCALE, build_objective
from imgsim_workshop import objectives

CLASSES = 8


def expected(share: float) -> float:
    """Cross-entropy of classes at right angles against truth of which `share` is spread over all classes."""
    logits = SCALE * np.eye(CLASSES)
    logged = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    truth = (1 - share) * np.eye(CLASSES) + share / CLASSES
    return float(-(truth * logged).sum(axis=1).mean())


def test_fine_tuning_spreads_a_tenth_of_the_truth_over_all_classes():
    objective = build_objective(CLASSES, CLASSES, lambda *_: torch.zeros(()), 0)
    objective.directions.data = torch.eye(CLASSES)
    assert objective(torch.eye(CLASSES), torch.arange(CLASSES)).item() == pytest.approx(expected(0.1), rel=1e-5)
    assert expected(0.1) > 100 * expected(0.0)


def test_pretraining_does_too():
    naming = objectives._classes(range(CLASSES), CLASSES)
    naming.directions.data = torch.eye(CLASSES)
    assert objectives.SCALE == SCALE
    assert naming(torch.eye(CLASSES), torch.arange(CLASSES)).item() == pytest.approx(expected(0.1), rel=1e-5)
