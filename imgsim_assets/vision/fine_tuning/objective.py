"""What fine-tuning asks for: vectors that name the class, and pairs whose likelihood ratio tells who belongs together.

The ratio of a pair is that of GLRTML (Zhang et al., arXiv 2410.05773); its loss comes from the caller, since this
package knows nothing of ranking.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

SCALE = 16.0  # cosine to logit
SMOOTHING = 0.1

# (float [n, d] whose within-class covariance is the identity, float [d] between-class variances, int [n]) -> float []
PairLoss: TypeAlias = "Callable[[Tensor, Tensor, Tensor], Tensor]"


def build_objective(classes: int, dimension: int, pair_loss: PairLoss, seed: int) -> Any:  # noqa: ANN401  needs torch
    """Make the module (vectors [n, d], classes [n]) -> loss.

    Its `directions` [c, d] are the classes': the cosine of a photo's vector to them, times `SCALE`, is its logit.
    """
    import torch
    from torch import nn

    class Objective(nn.Module):
        """Cross-entropy over cosines to one learned direction a class, and the pairs' loss."""

        def __init__(self) -> None:
            super().__init__()
            self.directions = nn.Parameter(
                torch.randn(classes, dimension, generator=torch.Generator().manual_seed(seed))
            )
            self.log_between = nn.Parameter(torch.zeros(dimension))
            self.standard = nn.BatchNorm1d(dimension, affine=False)

        def forward(self, vectors: "Tensor", numbers: "Tensor") -> "Tensor":
            unit = nn.functional.normalize(vectors.float(), dim=1)
            logits = SCALE * unit @ nn.functional.normalize(self.directions, dim=1).T
            named = nn.functional.cross_entropy(logits, numbers, label_smoothing=SMOOTHING)
            between = self.log_between.exp()
            # Each coordinate has the variance 1 + b in all: 1 within the classes, b between them.
            projected = self.standard(unit) * (1.0 + between).sqrt()
            return named + pair_loss(projected, between, numbers)

    return Objective()
