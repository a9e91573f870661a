"""How the learning rate goes over a training."""

import math


def share_of_rate(step: int, steps: int) -> float:
    """Give the share, 0 to 1, of the highest rate: a linear rise over a twentieth, then half a cosine to nothing."""
    rise = max(1, steps // 20)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
