"""The loss that a metric learns from: a logistic loss of pair log likelihood ratios, hard pairs counting more.

Source: Zhang et al. (arXiv 2410.05773) learn from likelihood ratios, which also tell how hard a pair is. This form of
the ratio, the loss and the weights is this project's instantiation of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SPREAD = 1e-6
QUARTILES_TO_DEVIATION = 1.349  # of a normal distribution


@dataclass(frozen=True)
class LossScale:
    """Where the ratios of matched and unmatched pairs meet, and how far those of one kind spread."""

    middle: float
    spread: float


def pair_log_ratios(projected: "Tensor", between: "Tensor") -> "Tensor":
    """Score every pair of photos: log p(x, y | one class) - log p(x, y | two classes), as float [n, n].

    Args:
        projected: float [n, r], photos in a space where W is the identity and B is diagonal.
        between: float [r], B's diagonal.
    """
    import torch

    total = between + 1.0
    determinant = 2.0 * between + 1.0  # total^2 - between^2, which would vanish in float32 where between is large
    alone = (projected**2) @ (between**2 / (total * determinant) / 2.0)
    together = (projected * (between / determinant)) @ projected.T
    return together - alone[:, None] - alone[None, :] + (torch.log(total) - 0.5 * torch.log(determinant)).sum()


def split_pairs(ratios: "Tensor", classes: "Tensor") -> "tuple[Tensor, Tensor]":
    """Take the pairs of two different photos out of [n, n] ratios: those of one class, and those of two.

    Args:
        ratios: float [n, n], symmetric.
        classes: int [n].
    """
    import torch

    left, right = torch.triu_indices(len(classes), len(classes), 1)
    matched = classes[left] == classes[right]
    pairs = ratios[left, right]
    return pairs[matched], pairs[~matched]


def find_scale(matched: "Tensor", unmatched: "Tensor") -> LossScale:
    """Find the middle between both kinds' medians, and their mean spread by quartiles: outliers decide neither.

    Args:
        matched: float [m], m >= 1, log ratios of pairs of one class.
        unmatched: float [u], u >= 1, log ratios of pairs of two classes.
    """
    kinds = (matched.detach(), unmatched.detach())
    middle = sum(float(kind.median()) for kind in kinds) / 2.0
    quartiles = sum(float(kind.quantile(0.75) - kind.quantile(0.25)) for kind in kinds) / 2.0
    return LossScale(middle, max(quartiles / QUARTILES_TO_DEVIATION, LEAST_SPREAD))


def pair_loss(matched: "Tensor", unmatched: "Tensor", scale: LossScale) -> "Tensor":
    """Give the mean logistic loss of both kinds of pairs, each kind counting half and hard pairs more: float [].

    The weight of a pair is the probability that the present ratio gives to the wrong answer. It is a constant for
    the gradient, and its mean is 1 within each kind.

    Args:
        matched: float [m], m >= 1, log ratios of pairs of one class.
        unmatched: float [u], u >= 1, log ratios of pairs of two classes.
        scale: where a pair is undecided, and the unit of its distance from there.
    """
    return (_half((matched - scale.middle) / scale.spread) + _half((scale.middle - unmatched) / scale.spread)) / 2.0


def batch_loss(projected: "Tensor", between: "Tensor", classes: "Tensor") -> "Tensor":
    """Give the pairs' loss of one batch, its own ratios setting the scale: float []; 0 where one kind is missing.

    Args:
        projected: float [n, r], photos in a space where W is the identity and B is diagonal.
        between: float [r], B's diagonal.
        classes: int [n].
    """
    matched, unmatched = split_pairs(pair_log_ratios(projected, between), classes)
    if not len(matched) or not len(unmatched):
        return 0.0 * projected.sum()
    return pair_loss(matched, unmatched, find_scale(matched, unmatched))


def _half(margins: "Tensor") -> "Tensor":
    """Give the weighted mean loss of pairs whose answer is right by `margins`."""
    import torch

    wrong = torch.sigmoid(-margins.detach()).clamp_min(torch.finfo(margins.dtype).tiny)
    return (wrong / wrong.mean() * torch.nn.functional.softplus(-margins)).mean()
