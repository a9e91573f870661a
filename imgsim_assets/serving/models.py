"""The models that turn photos into queries: each is loaded when it is first asked, and kept."""

from typing import TYPE_CHECKING

from imgsim_assets.serving.bundle import SearchBundle
from imgsim_assets.settings import Settings
from imgsim_assets.vision.backbones.locking import have_model
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.ready_backbone import ready_backbone

if TYPE_CHECKING:
    from imgsim_assets.vision.backbones.torch_model import TorchBackbone
    from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned


class Models:
    """Those that the recipe of `bundle` asks, run as `settings` say."""

    def __init__(self, settings: Settings, bundle: SearchBundle) -> None:
        """Load nothing yet; `settings` are those that the bundle was made with."""
        self.settings = settings
        self.bundle = bundle
        self._backbones: dict[str, BackboneModel] = {}
        self._trained: dict[str, tuple[TorchBackbone, FineTuned]] = {}

    def backbone(self, name: str, photos: int) -> BackboneModel:
        """Give the backbone `name`; when it is loaded it is told that so many photos will come.

        Raises:
            ModelError: it cannot be loaded.
        """
        if name not in self._backbones:
            self._backbones[name] = ready_backbone(self.settings, name, photos)
        return self._backbones[name]

    def trained(self, name: str) -> "tuple[TorchBackbone, FineTuned]":
        """Give the backbone `name` as it was before it was fine-tuned, and what came of that.

        Raises:
            ModelError: it cannot be loaded.
        """
        from imgsim_assets.vision.fine_tuning.loading import load_trained
        from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned

        if name not in self._trained:
            settings, tuned = self.settings, load_tuned(self.bundle.networks(name))
            have_model(settings, settings.backbones[name])
            backbone = load_trained(settings.backbones[name], tuned.size, settings.runtime, settings.places.models)
            self._trained[name] = backbone, tuned
        return self._trained[name]
