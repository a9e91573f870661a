"""The files that ship in the package: where they are, and how they are written."""

from collections.abc import Callable, Collection
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
        raise ModelError(f"the weights {path}", "no such file", "install imgsim again, or run `imgsim pretrain`")
    return path


def write_shipped(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, and put it at `path` wholly or not at all."""
    aside = path.with_suffix(".part")
    write(aside)
    aside.chmod(0o644)  # readable by all, as the rest of the package
    aside.replace(path)
