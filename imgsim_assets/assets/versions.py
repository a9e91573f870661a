"""What an asset is computed by, besides its parents: the revision of its code, and the settings that it reads."""

from typing import Any, TypedDict

import dagster as dg
from pydantic import BaseModel

from imgsim_assets.fingerprint import fingerprint

COMPUTED_BY = "computed_by"
REVISION = "revision"

Part = BaseModel | str | int | float | list[Any] | dict[str, Any]


class Computation(TypedDict):
    """Keyword arguments of `dg.asset`."""

    code_version: str
    metadata: dict[str, Any]


def computed_by(revision: str, **reads: Part) -> Computation:
    """Name the computation for `dg.asset`.

    The code version is a digest, which says that something changed; the metadata says what, to people and to
    `orchestration.staleness`. `publish` notes it with each materialization.

    Args:
        revision: hand-bumped name of the algorithm, e.g. `"canny/2"`; raised when its output changes.
        reads: exactly the settings that it reads, by the name that people know them by.
    """
    plain = {
        name: part.model_dump(mode="json") if isinstance(part, BaseModel) else part for name, part in reads.items()
    }
    return {
        "code_version": fingerprint(revision, plain),
        "metadata": {COMPUTED_BY: dg.MetadataValue.json({REVISION: revision, **plain})},
    }


def noted(key: str) -> dict[str, Any]:
    """Give, inside a running asset, the metadata that `computed_by` gave to the definition of `key`."""
    definition = dg.AssetExecutionContext.get().assets_def
    of_definition = definition.metadata_by_key[dg.AssetKey.from_user_string(key)]
    return {name: value for name, value in of_definition.items() if name == COMPUTED_BY}
