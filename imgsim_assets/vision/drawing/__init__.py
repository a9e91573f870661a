"""Drawn photos: the built-in sample, and the parts that draw it."""

from imgsim_assets.vision.drawing.sample import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]
