"""Training of the compact backbones on pictures that formulas draw."""

from imgsim_assets.vision.pretraining.recipe import Trained, pretrain

__all__ = ["Trained", "pretrain"]
