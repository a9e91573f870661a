"""A model is tried on drawn pictures when it is loaded: one that cannot tell them apart will not tell photos apart.

What its vectors would lose (an input that is not fed, patches masked at random, weights that overflow) is the same for
each photo and no error of any library. It is found here, before the first photo, however few photos there are.
"""

import numpy as np

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.backbones.pixels import frame_probes
from imgsim_assets.vision.backbones.precision import LEAST_COSINE, least_cosine
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.sameness import NEARLY_ONE, farthest

PICTURES = 4


def try_out(model: BackboneModel, uri: str) -> None:
    """Embed drawn pictures, and one of them again and alone.

    Args:
        model: what is tried.
        uri: its name, for people.

    Raises:
        ModelError: the vectors have no direction, are (nearly) one and the same, or are others the second time.
    """
    pictures = frame_probes(model.framing)[:PICTURES]
    together = model.embed(pictures)
    if not (np.isfinite(together).all(axis=1) & together.any(axis=1)).any():
        raise _unfit(uri, "vectors that are zero or not finite", "of pictures that are different")
    if farthest(together) < NEARLY_ONE:
        raise _unfit(uri, "(nearly) one and the same vector", "for pictures that are different")
    once, again = (model.embed(pictures[:1]) for _ in range(2))
    if farthest(np.concatenate([once, again])) >= NEARLY_ONE:
        raise _unfit(uri, "another vector each time", "of one picture: something in it is drawn at random")
    if least_cosine(once, together[:1]) < LEAST_COSINE:
        raise _unfit(uri, "another vector alone than among others", "of one picture")


def _unfit(uri: str, found: str, of_what: str) -> ModelError:
    return ModelError(
        f"{uri} to tell photos apart by vectors that depend on the photo alone",
        f"{found} {of_what}",
        "choose another model or output, or correct how it is fed (`input`, `output`, `mean`, `std`) or exported",
    )
