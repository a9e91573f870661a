"""The libraries that imgsim is measured beside, which come with the extra `bench`."""

import functools
from collections.abc import Callable

from imgsim_assets.errors import UserError

PEERS = frozenset(
    {"hnswlib", "onnxruntime", "open_clip", "pytorch_metric_learning", "sentence_transformers", "usearch"}
)


def with_peers(command: Callable[..., None]) -> Callable[..., None]:
    """Let `command` say how to install a library that it lacks."""

    @functools.wraps(command)
    def run(**given: object) -> None:
        try:
            command(**given)
        except ModuleNotFoundError as error:
            if error.name not in PEERS:
                raise
            mend = "run `make env`, or install imgsim with its extra: pip install -e '.[bench]'"
            raise UserError(f"{error.name}, to measure beside", "nothing of that name", mend) from error

    return run
