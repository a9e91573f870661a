"""Weight files of a model folder: safetensors, one file or shards, and never a pickle."""

import json
from pathlib import Path

from imgsim_assets.errors import ModelError

SINGLE = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
# open_clip's own file name; timm reads its image tower.
OPEN_CLIP = "open_clip_model.safetensors"
SHARDS = "model-*-of-*.safetensors"
WEIGHT_PATTERNS = (SINGLE, SHARD_INDEX, SHARDS)
READ_SUFFIXES = (".json", ".safetensors")
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def find_weights(folder: Path) -> tuple[Path, ...]:
    """Find the safetensors files of a model.

    Raises:
        ModelError: there are none, or a shard is missing.
    """
    for name in (SINGLE, OPEN_CLIP):
        if (folder / name).is_file():
            return (folder / name,)
    if (folder / SHARD_INDEX).is_file():
        return _find_shards(folder)
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLE_SUFFIXES)
    if pickles:
        raise ModelError(
            f"{SINGLE} in {folder}",
            f"only {', '.join(pickles)}: such files are pickles, which can run any code when read, and are refused",
            "take a revision of the model that has safetensors, or convert it: load it where you trust it and "
            "call save_pretrained(FOLDER, safe_serialization=True)",
        )
    raise ModelError(f"{SINGLE} in {folder}", "no weights there", "copy the model's safetensors file into that folder")


def has_safetensors(folder: Path) -> bool:
    """Tell whether there are weights that imgsim reads."""
    return any((folder / name).is_file() for name in (SINGLE, OPEN_CLIP, SHARD_INDEX))


def model_files(folder: Path) -> dict[str, Path]:
    """List what a library may read of a model folder, by name: every file of settings and every one of weights.

    Which settings it reads is the library's to know: names have changed with its versions, and settings name weights.

    Raises:
        ModelError: there are no weights, or a shard is missing.
    """
    find_weights(folder)
    found = (path for path in folder.rglob("*") if path.suffix in READ_SUFFIXES and path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def missing_files(folder: Path, files: tuple[str, ...], either: tuple[str, ...] = ()) -> tuple[str, ...]:
    """List what a folder lacks: of `files`, of the weights, and the first of `either` where none of them is there.

    Weights in a refused format count as there: fetching again would not bring others.

    Raises:
        ModelError: the index of the shards cannot be read.
    """
    missing = [name for name in files if not (folder / name).is_file()]
    if either and not any((folder / name).is_file() for name in either):
        missing.append(either[0])
    if any((folder / name).is_file() for name in (SINGLE, OPEN_CLIP)):
        return tuple(missing)
    if (folder / SHARD_INDEX).is_file():
        return (*missing, *(name for name in _shard_names(folder) if not (folder / name).is_file()))
    has_pickles = any(path.suffix in PICKLE_SUFFIXES for path in folder.iterdir())
    return tuple(missing) if has_pickles else (*missing, SINGLE)


def _find_shards(folder: Path) -> tuple[Path, ...]:
    shards = tuple(folder / name for name in _shard_names(folder))
    absent = ", ".join(shard.name for shard in shards if not shard.is_file())
    if absent:
        raise ModelError(f"{absent} in {folder}", "no such file", "copy the missing shards into that folder")
    return shards


def _shard_names(folder: Path) -> list[str]:
    index = folder / SHARD_INDEX
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        odd = [name for name in names if Path(name).name != name or not name.endswith(READ_SUFFIXES)]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"an index of shards in {index}", repr(error), "copy that file again") from error
    if odd:
        raise ModelError(f"an index of safetensors beside {index}", f"it names {odd[0]!r}", "copy that file again")
    return names
