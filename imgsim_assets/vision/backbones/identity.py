"""The name of a backbone's weights, for code versions: found without loading any framework."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from imgsim_assets.errors import ImgsimError
from imgsim_assets.fingerprint import content_id, digest
from imgsim_assets.model_lock import is_pinned, timm_repository
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones import hub, pixels, weights
from imgsim_assets.vision.backbones.loading import BUILT_IN, installed_schemes
from imgsim_assets.vision.backbones.names import onnx_path
from imgsim_assets.vision.backbones.onnx_file import onnx_files

# Revisions of our code around other people's: what of their output is taken. To be raised when vectors change though
# the files do not; `imgsim_tests/vision/backbones/test_known_vectors.py` holds them.
RUN_BY = MappingProxyType({"hf": "hf/2", "onnx": "onnx/2", "timm": "timm/2"})
# Of a model of photos and texts: no photo's vector hangs on them, and they may come later.
OF_TEXTS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json")


def backbone_identity(backbone: Backbone, models: Path | None) -> dict[str, str]:
    """Name what makes the vectors of `backbone`: the weights that it loads, and the revisions of our code around them.

    Definitions must load on a machine without the weights, so what is missing is named and not
    raised; `load_backbone` is what complains.

    Args:
        backbone: which model.
        models: local folder of model folders.

    Returns:
        One of `{"files": digest}` for local files (weights and configuration, by content), `{"hub": "name@commit"}`
        and `{"package": "name==version", ...}`, each with the `revision` of what runs it and of the `framing`; or
        `{"missing": name}`.
    """
    scheme, _, name = backbone.uri.partition(":")
    if scheme == "hf":
        found = _hub_identity(name, backbone, models)
    elif scheme == "timm":
        found = _hub_identity(timm_repository(name), backbone, models)
    elif scheme == "onnx":
        found = _onnx_identity(name, models)
    elif scheme in ("compact", "classic"):
        found = _shipped_identity(scheme, name)
    elif scheme == "packaged":
        found = _packaged_identity(name)
    else:
        found = _package_identity(scheme, name, backbone)
    if "missing" in found:
        return found
    return {"revision": scheme_revision(scheme), **found, "framing": pixels.REVISION}


def scheme_revision(scheme: str) -> str:
    """Name the code that turns framed photos into vectors; an installed package's is known by its version."""
    from imgsim_assets.vision import classic, compact, packaged

    own = {"classic": classic.REVISION, "compact": compact.REVISION, "packaged": packaged.REVISION}
    return {**RUN_BY, **own}.get(scheme, "")


def _hub_identity(repository: str, backbone: Backbone, models: Path | None) -> dict[str, str]:
    folder = hub.local_folder(repository, backbone.revision, models)
    if folder is None:
        pinned = is_pinned(backbone.revision)
        return {"hub": f"{repository}@{backbone.revision}"} if pinned else {"missing": repository}
    try:
        files = {name: path for name, path in weights.model_files(folder).items() if name not in OF_TEXTS}
    except ImgsimError:
        return {"missing": repository}
    return _files_identity(files, repository)


def _onnx_identity(name: str, models: Path | None) -> dict[str, str]:
    path = onnx_path(name, models)
    try:
        files = onnx_files(path)
    except OSError:
        return {"missing": name}
    except ImgsimError:  # it is not to be loaded, and known as what it is until then
        files = {path.name: path}
    return _files_identity(files, name)


def _shipped_identity(scheme: str, name: str) -> dict[str, str]:
    from imgsim_assets.vision import classic, compact

    try:
        path = classic.codebook_file(name) if scheme == "classic" else compact.compact_weights(name)
    except ImgsimError:
        return {"missing": f"{scheme}:{name}"}
    return _files_identity({path.name: path}, f"{scheme}:{name}")


def _packaged_identity(name: str) -> dict[str, str]:
    from imgsim_assets.vision import packaged

    try:
        packaged.packaged_weights(name)
    except ImgsimError:
        return {"missing": f"packaged:{name}"}
    # No other bytes are ever loaded, so nothing is read to know them.
    return {"files": packaged.package_of(name).sha256}


def _package_identity(scheme: str, name: str, backbone: Backbone) -> dict[str, str]:
    point = None if scheme in BUILT_IN else installed_schemes().get(scheme)
    if point is None:
        return {"missing": backbone.uri}
    package = f"{point.dist.name}=={point.dist.version}" if point.dist else point.value
    identity = {"package": package, "name": name, "revision": backbone.revision or ""}
    # A name that is a file of its own is known by what is in it.
    return identity | (_files_identity({Path(name).name: Path(name)}, name) if Path(name).is_file() else {})


def _files_identity(files: Mapping[str, Path], name: str) -> dict[str, str]:
    """Digest the files that are there; their folder's name does not matter, their own does."""
    present = sorted((said, path) for said, path in files.items() if path.is_file())
    if not present:
        return {"missing": name}
    return {"files": digest(part for said, path in present for part in (said, _content(path)))}


def _content(path: Path) -> str:
    status = path.stat()
    return _content_of_version(path.resolve(), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=256)
def _content_of_version(path: Path, _size: int, _modified: int, _changed: int) -> str:
    return content_id(path)


def short_uri(uri: str) -> str:
    """Name a backbone's weights for people: without the folder that they lie in."""
    scheme, _, name = uri.partition(":")
    return f"{scheme}:{Path(name).name}" if Path(name).is_absolute() else uri
