"""Which pooling of a model is taken: one that it has."""

from collections.abc import Collection

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Pooling


def require_pooling(uri: str, asked: Pooling, known: Collection[Pooling]) -> None:
    """Refuse a pooling that a model has not.

    Raises:
        ModelError: it is none of those `known` of the model.
    """
    if asked not in known:
        raise ModelError(
            f"a pooling that {uri} has: {', '.join(known) or 'its own, which has no name'}",
            f"pooling = {asked!r}",
            "choose one of them, or leave pooling out: then vectors are as the model was published",
        )
