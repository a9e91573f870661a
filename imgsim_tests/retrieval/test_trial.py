"""What is foreseen, beside what comes out when all photos have been asked."""

import numpy as np
import pytest

from imgsim_assets.retrieval.trial import foresee, looks


@pytest.mark.parametrize("needs_proof", [True, False])
@pytest.mark.parametrize("gain", [-0.02, 0.0, 0.005, 0.02])
def test_what_is_foreseen_comes_out_so(gain: float, needs_proof: bool):
    random = np.random.default_rng(0)
    wrong, foreseen = 0, 0
    for _ in range(300):
        gains = random.normal(gain, 0.2, size=2000)
        early = foresee(gains[:400], 1, 5, needs_proof=needs_proof)
        late = foresee(gains, 5, 5, needs_proof=needs_proof)
        foreseen += early != "open"
        wrong += early not in {"open", late}
    assert wrong <= 0.02 * 300
    assert abs(gain) < 0.02 or foreseen > 30


def test_when_all_were_asked_nothing_stays_open():
    gains = np.random.default_rng(0).normal(0.001, 0.2, size=500)
    assert foresee(gains, 5, 5, needs_proof=True) == "lost"
    assert foresee(np.abs(gains), 5, 5, needs_proof=True) == "won"


def test_a_few_photos_foretell_nothing_and_those_without_a_score_do_not_count():
    assert foresee(np.full(99, 0.5), 1, 5, needs_proof=True) == "open"
    assert foresee(np.append(np.full(99, 0.5), np.full(50, np.nan)), 1, 5, needs_proof=True) == "open"
    assert foresee(np.zeros(100), 1, 5, needs_proof=False) == "lost"


@pytest.mark.parametrize("parts", range(1, 9))
def test_every_part_is_looked_at_once_the_first_alone(parts: int):
    looked_at = looks(parts)
    assert [part for look in looked_at for part in look] == list(range(parts))
    assert [len(look) for look in looked_at[:2]] == [1, *([min(2, parts - 1)] if parts > 1 else [])]
