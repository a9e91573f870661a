"""The files that ship in the package, and where they are."""

from collections.abc import Collection
from pathlib import Path

from imgsim_assets.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"


def shipped_file(scheme: str, name: str, known: Collection[str], folder: Path) -> Path:
    """Give the path of a shipped model's file.

    Args:
        scheme: the models' scheme, as in `compact:clip`.
        name: one of `known`.
        known: the names there are.
        folder: where their files are.

    Raises:
        ModelError: there is no model of this name, or its file is absent.
    """
    if name not in known:
        raise ModelError(f"one of {', '.join(known)}", repr(name), f"name one of them after `{scheme}:`")
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise ModelError(f"the weights {path}", "no such file", "install imgsim again")
    return path
