import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import multivariate_normal

from imgsim_assets.retrieval.class_sets import query_features, set_features
from imgsim_assets.retrieval.pair_loss import LossScale, batch_loss, find_scale, pair_log_ratios, pair_loss, split_pairs

BETWEEN = np.array([4.0, 1.0, 0.1])
SCALE = LossScale(middle=0.3, spread=1.7)


def draw(count=7, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, 3)) * np.sqrt(1.0 + BETWEEN), random.integers(0, 3, count)


def ratios_of(projected):
    return pair_log_ratios(torch.from_numpy(projected), torch.from_numpy(BETWEEN)).numpy()


def test_the_ratio_is_that_of_the_two_gaussian_densities():
    projected, _ = draw(4)
    total, between = np.diag(1.0 + BETWEEN), np.diag(BETWEEN)
    together = multivariate_normal(np.zeros(6), np.block([[total, between], [between, total]]))
    alone = multivariate_normal(np.zeros(3), total)
    for i, left in enumerate(projected):
        for j, right in enumerate(projected):
            expected = together.logpdf(np.concatenate([left, right])) - alone.logpdf(left) - alone.logpdf(right)
            assert ratios_of(projected)[i, j] == pytest.approx(expected, abs=1e-10)


def test_the_ratio_is_the_class_set_ratio_of_a_class_of_one_photo():
    projected, _ = draw()
    sets = query_features(projected, BETWEEN) @ set_features(projected, np.ones(len(projected)), BETWEEN).T
    np.testing.assert_allclose(ratios_of(projected), sets, atol=1e-10)


def test_every_pair_of_different_photos_is_taken_once():
    classes = torch.tensor([5, 2, 5, 2, 2])
    matched, unmatched = split_pairs(torch.arange(25.0).reshape(5, 5), classes)
    assert matched.tolist() == [2.0, 8.0, 9.0, 19.0]
    assert unmatched.tolist() == [1.0, 3.0, 4.0, 7.0, 13.0, 14.0]


def by_hand(matched, unmatched, weights=None):
    """The loss in numpy; the weights are those given, or those of the ratios themselves."""
    margins = [(matched - SCALE.middle) / SCALE.spread, (SCALE.middle - unmatched) / SCALE.spread]
    weights = weights or [expit(-one) for one in margins]
    halves = [(w / w.mean() * np.log1p(np.exp(-one))).mean() for w, one in zip(weights, margins, strict=True)]
    return sum(halves) / 2.0, weights


def test_the_loss_is_the_formula():
    ratios = np.random.default_rng(1).normal(size=30) * 3.0
    loss = pair_loss(torch.from_numpy(ratios[:10]), torch.from_numpy(ratios[10:]), SCALE)
    assert float(loss) == pytest.approx(by_hand(ratios[:10], ratios[10:])[0], rel=1e-12)


def test_both_kinds_count_the_same_however_many_their_pairs():
    matched, unmatched = torch.tensor([-1.0, 2.0]), torch.tensor([-2.0, 1.0, 0.5])
    many = pair_loss(matched, unmatched.repeat(100), SCALE)
    assert float(many) == pytest.approx(float(pair_loss(matched, unmatched, SCALE)), rel=1e-6)


def test_hard_pairs_count_more():
    unmatched = torch.tensor([-3.0])
    easy, hard = torch.tensor(3.0, requires_grad=True), torch.tensor(-3.0, requires_grad=True)
    pair_loss(torch.stack([easy, hard]), unmatched, SCALE).backward()
    plain = float(expit((3.0 + SCALE.middle) / SCALE.spread) / expit((SCALE.middle - 3.0) / SCALE.spread))
    assert hard.grad / easy.grad == pytest.approx(plain**2, rel=1e-5)


def test_the_gradient_agrees_with_finite_differences_while_the_weights_are_held():
    random = np.random.default_rng(2)
    photos, classes = random.normal(size=(9, 5)), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])
    projection = random.normal(size=(5, 3))
    learned = torch.from_numpy(projection).requires_grad_()
    between = torch.from_numpy(BETWEEN)
    pair_loss(*split_pairs(pair_log_ratios(torch.from_numpy(photos) @ learned, between), classes), SCALE).backward()

    def pairs(moved):
        return [part.numpy() for part in split_pairs(torch.from_numpy(ratios_of(photos @ moved)), classes)]

    _, held = by_hand(*pairs(projection))
    step = 1e-6
    found = np.empty_like(projection)
    for place in np.ndindex(*projection.shape):
        up, down = projection.copy(), projection.copy()
        up[place] += step
        down[place] -= step
        found[place] = (by_hand(*pairs(up), held)[0] - by_hand(*pairs(down), held)[0]) / (2 * step)
    np.testing.assert_allclose(learned.grad.numpy(), found, rtol=1e-6, atol=1e-8)


def test_the_scale_is_that_of_the_bulk_of_the_pairs():
    random = np.random.default_rng(3)
    matched, unmatched = random.normal(6.0, 2.0, 20_000), random.normal(-2.0, 4.0, 20_000)
    matched[:100] = 1e6
    scale = find_scale(torch.from_numpy(matched), torch.from_numpy(unmatched))
    assert scale.middle == pytest.approx(2.0, abs=0.1)
    assert scale.spread == pytest.approx(3.0, abs=0.1)


def test_extreme_and_equal_ratios_give_finite_losses_and_gradients():
    for matched, unmatched in ([1e9, 1e9], [-1e9, -1e9]), ([-1e9, 1e9], [1e9, 0.0]), ([0.0, 0.0], [0.0, 0.0]):
        ratios = [torch.tensor(part, requires_grad=True) for part in (matched, unmatched)]
        loss = pair_loss(*ratios, find_scale(*ratios))
        loss.backward()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(part.grad).all() for part in ratios)


def test_a_between_beyond_single_precision_gives_finite_ratios():
    between = torch.tensor([1e12, 1.0])
    assert torch.isfinite(pair_log_ratios(torch.tensor([[1e6, 1.0], [-1e6, 0.0]]), between)).all()


def test_the_loss_of_a_batch_is_that_of_its_pairs_at_its_own_scale():
    projected, classes = (torch.from_numpy(values) for values in draw(12))
    matched, unmatched = split_pairs(pair_log_ratios(projected, torch.from_numpy(BETWEEN)), classes)
    expected = pair_loss(matched, unmatched, find_scale(matched, unmatched))
    assert batch_loss(projected, torch.from_numpy(BETWEEN), classes).item() == expected.item()


@pytest.mark.parametrize("classes", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_without_pairs_of_one_kind_asks_for_nothing(classes):
    projected = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    loss = batch_loss(projected, torch.from_numpy(BETWEEN), torch.tensor(classes))
    loss.backward()
    assert loss.item() == 0.0
    assert not projected.grad.any()
