"""The fine-tuned networks of all folds as one safetensors file: what their training changed, in half precision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsim_assets.errors import ArtefactError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "imgsim-fine-tuned/2"
DIRECTIONS = "directions"


@dataclass(frozen=True)
class FineTuned:
    """What the folds learned.

    Attributes:
        labels: of the classes, in the order of their numbers; none where there was nothing to learn from.
        weights: for each fold, the tensors that differ from the backbone's own, by name.
        directions: for each fold, float32 [c, d]: the classes' directions.
        size: side of the photos that they are shown, in pixels; 0 where there was nothing to learn from.
    """

    labels: Sequence[str]
    weights: "Sequence[Mapping[str, Tensor]]"
    directions: "Sequence[Tensor]"
    size: int

    @property
    def folds(self) -> int:
        """How many networks there are."""
        return len(self.weights)


NOTHING_LEARNED = FineTuned((), (), (), 0)


def changed_weights(network: Any, before: Any) -> "dict[str, Tensor]":  # noqa: ANN401  see `build_network`
    """Give the tensors of a network's model that differ from those of another of the same architecture."""
    known = before.model.state_dict()
    return {name: one.cpu() for name, one in network.model.state_dict().items() if not one.equal(known[name])}


def as_stored(tuned: FineTuned) -> FineTuned:
    """Give the networks as they will be read again, so that all photos are asked by the same."""
    weights = [{name: _rounded(one).to(one.dtype) for name, one in fold.items()} for fold in tuned.weights]
    return replace(tuned, weights=weights)


def _rounded(one: "Tensor") -> "Tensor":
    return one.half() if one.is_floating_point() and one.ndim > 1 else one


def save_tuned(tuned: FineTuned, path: Path) -> None:
    """Write to `path`; matrices in float16, vectors (norms, biases) as they are."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for fold, (weights, directions) in enumerate(zip(tuned.weights, tuned.directions, strict=True)):
        halved = {name: _rounded(one) for name, one in weights.items()}
        tensors |= {f"{fold}/{name}": one.contiguous() for name, one in {**halved, DIRECTIONS: directions}.items()}
    about = {"format": FORMAT, "labels": list(tuned.labels), "folds": tuned.folds, "size": tuned.size}
    # One key only: safetensors keeps no order among metadata keys.
    save_file(tensors, path, metadata={"fine_tuned": json.dumps(about)})


def load_tuned(path: Path) -> FineTuned:
    """Read what `save_tuned` wrote, as float32.

    Raises:
        ArtefactError: the file is absent, damaged, or something else.
    """
    from safetensors import SafetensorError, safe_open

    mend = "run `imgsim sync`"
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("fine_tuned", "{}"))
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"fine-tuned networks in {path.name}", str(error), mend) from error
    if about.get("format") != FORMAT:
        raise ArtefactError(f"{FORMAT} in {path.name}", str(about.get("format")), mend)
    folds: list[dict[str, Tensor]] = [{} for _ in range(about["folds"])]
    for name, one in stored.items():
        fold, _, rest = name.partition("/")
        folds[int(fold)][rest] = one.float() if one.is_floating_point() else one
    return FineTuned(about["labels"], folds, [weights.pop(DIRECTIONS) for weights in folds], about["size"])
