"""What the backbones of the settings are, and what there is of them on this machine; asks no network."""

from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.errors import ImgsimError
from imgsim_assets.model_lock import LockedCommit, repository_of
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.storage.content_table import CONTENT, ContentTable
from imgsim_assets.vision import classic, compact, packaged
from imgsim_assets.vision.backbones import locking
from imgsim_assets.vision.backbones.hub import folder_here, hub_repository
from imgsim_assets.vision.backbones.hub_client import CARD
from imgsim_assets.vision.backbones.names import onnx_path
from imgsim_assets.vision.backbones.onnx_file import onnx_files
from imgsim_assets.vision.backbones.weights import model_files
from imgsim_assets.vision.content_names import vector_folder, view_fingerprint

SHIPPED_LICENCE = "Apache-2.0"  # imgsim's own, and that of the packaged networks


@dataclass(frozen=True)
class Model:
    """A backbone of the settings.

    Attributes:
        name: of the backbone.
        uri: as in the settings.
        commit: of a hub model; None: it is none, or not locked yet.
        chosen: who chose the commit: `pinned` by the settings, `locked`, or nobody: `open`; `own`: no hub's commit.
        licence: as its card says; None: nothing does.
        bytes: of its files that are here.
        here: whether it can be loaded without a network.
        vectors: kept for it in the state folder, of all its views.
    """

    name: str
    uri: str
    commit: str | None
    chosen: str
    licence: str | None
    bytes: int
    here: bool
    vectors: int


def list_models(settings: Settings) -> list[Model]:
    """Tell what every backbone of the settings is."""
    return [_model(settings, name, backbone) for name, backbone in settings.backbones.items()]


def _model(settings: Settings, name: str, backbone: Backbone) -> Model:
    is_hub = hub_repository(backbone, settings.places.models) is not None
    files, licence = _files(settings, backbone)
    chosen = "own" if not is_hub else "open" if backbone.revision is None else "pinned"
    if isinstance(backbone.revision, LockedCommit) and is_hub:
        chosen = "locked"
    views = (vector_folder(view_fingerprint(settings, backbone, view)) for view in backbone.views)
    tables = (ContentTable.stored(settings.places.state / CONTENT / folder) for folder in views)
    return Model(
        name=name,
        uri=backbone.uri,
        commit=str(backbone.revision) if is_hub and backbone.revision else None,
        chosen=chosen,
        licence=licence,
        bytes=sum(path.stat().st_size for path in files),
        here=bool(files),
        vectors=sum(len(table.ids()) for table in tables if table),
    )


def _files(settings: Settings, backbone: Backbone) -> tuple[list[Path], str | None]:
    """List the files of a model that are here, none where it cannot be loaded, and its licence."""
    scheme, _, name = backbone.uri.partition(":")
    shipped = {
        "classic": classic.codebook_file,
        "compact": compact.compact_weights,
        "packaged": packaged.packaged_weights,
    }
    try:
        if scheme in shipped:
            return [shipped[scheme](name)], SHIPPED_LICENCE
        if scheme == "onnx":
            return list(onnx_files(onnx_path(name, settings.places.models)).values()), None
        folder = folder_of(settings, backbone)
        return ([], None) if folder is None else (list(model_files(folder).values()), licence_of(folder))
    except (ImgsimError, OSError):
        return [], None


def folder_of(settings: Settings, backbone: Backbone) -> Path | None:
    """Find the folder of an `hf:` or `timm:` model; None: something that is needed of it is not here."""
    scheme, _, name = backbone.uri.partition(":")
    if scheme not in locking.WANTED:
        return None
    files, either = locking.WANTED[scheme]
    return folder_here(repository_of(backbone) or name, files, backbone.revision, settings.places.models, either)


def licence_of(folder: Path) -> str | None:
    """Read the licence off a model's card; None: there is no card, or it names none."""
    import yaml
    from huggingface_hub.repocard import metadata_load

    try:
        told = metadata_load(folder / CARD) or {}
    except (OSError, ValueError, yaml.YAMLError):
        return None
    licence = told.get("license_name") if told.get("license") == "other" else None
    return str(licence or told.get("license") or "") or None
