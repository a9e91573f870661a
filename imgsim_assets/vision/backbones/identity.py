"""The name of a backbone's weights, for code versions: found without loading any framework."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from imgsim_assets.errors import ImgsimError
from imgsim_assets.fingerprint import content_id, digest
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones import hub, weights
from imgsim_assets.vision.backbones.loading import BUILT_IN, installed_schemes
from imgsim_assets.vision.backbones.names import onnx_files, timm_repository

CONFIGURATION = ("config.json", "preprocessor_config.json")


def backbone_identity(backbone: Backbone, models: Path | None) -> dict[str, str]:
    """Name the weights that `backbone` loads.

    Definitions must load on a machine without the weights, so what is missing is named and not
    raised; `load_backbone` is what complains.

    Args:
        backbone: which model.
        models: local folder of model folders.

    Returns:
        One of `{"files": digest}` for local files (weights and configuration, by content; with a revision where it is
        our own code that computes),
        `{"hub": "name@commit"}`, `{"package": "name==version", ...}`, `{"missing": name}`.
    """
    scheme, _, name = backbone.uri.partition(":")
    if scheme == "hf":
        return _hub_identity(name, backbone, models)
    if scheme == "timm":
        return _hub_identity(timm_repository(name), backbone, models)
    if scheme == "onnx":
        return _files_identity(onnx_files(name, models), name)
    if scheme == "compact":
        return _compact_identity(name)
    if scheme == "classic":
        return _classic_identity(name)
    return _package_identity(scheme, name, backbone)


def _hub_identity(repository: str, backbone: Backbone, models: Path | None) -> dict[str, str]:
    folder = hub.local_folder(repository, backbone.revision, models)
    if folder is None:
        pinned = hub.is_pinned(backbone.revision)
        return {"hub": f"{repository}@{backbone.revision}"} if pinned else {"missing": repository}
    try:
        files = weights.find_weights(folder)
    except ImgsimError:
        return {"missing": repository}
    return _files_identity([*(folder / name for name in CONFIGURATION), *files], repository)


def _compact_identity(name: str) -> dict[str, str]:
    from imgsim_assets.vision.compact import compact_weights

    try:
        path = compact_weights(name)
    except ImgsimError:
        return {"missing": f"compact:{name}"}
    return _files_identity([path], f"compact:{name}")


def _classic_identity(name: str) -> dict[str, str]:
    from imgsim_assets.vision.classic import REVISION, codebook_file

    try:
        path = codebook_file(name)
    except ImgsimError:
        return {"missing": f"classic:{name}"}
    return {**_files_identity([path], f"classic:{name}"), "revision": REVISION}


def _package_identity(scheme: str, name: str, backbone: Backbone) -> dict[str, str]:
    point = None if scheme in BUILT_IN else installed_schemes().get(scheme)
    if point is None:
        return {"missing": backbone.uri}
    package = f"{point.dist.name}=={point.dist.version}" if point.dist else point.value
    identity = {"package": package, "name": name, "revision": backbone.revision or ""}
    # A name that is a file of its own is known by what is in it.
    return identity | (_files_identity([Path(name)], name) if Path(name).is_file() else {})


def _files_identity(files: Iterable[Path], name: str) -> dict[str, str]:
    """Digest the files that are there; their folder's name does not matter, their own does."""
    present = sorted(path for path in files if path.is_file())
    if not present:
        return {"missing": name}
    return {"files": digest(part for path in present for part in (path.name, _content(path)))}


def _content(path: Path) -> str:
    status = path.stat()
    return _content_of_version(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _content_of_version(path: Path, _size: int, _modified: int) -> str:
    return content_id(path)
