"""The clean shape of each class, which the vectors learn to tell from its cluttered pictures.

Naming one of a thousand classes says little about a picture; its shape says much, and what was
learnt for one class helps with the next. So every objective also predicts the shape.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.drawing.canvas import mask_of
from imgsim_assets.vision.drawing.outline import Vary
from imgsim_workshop.classes import Kind

SIDE = 16  # of the shape that is predicted
FINE = 64  # of the drawing that it is taken from
REACH = 1.1  # how much of the plane around the unit square is seen
SHADES = 24  # facets whose brightness differs by less count as one


def shape_targets(kinds: Sequence[Kind]) -> npt.NDArray[np.float32]:
    """Give each class's shape: float32 [classes, SIDE * SIDE], standardised over the classes.

    Half of the numbers are the silhouette, half the edges inside and around it. Pictures may be mirrored,
    so each is the mean with its mirror image, of which half is kept.
    """
    shapes = np.stack([_shape(kind) for kind in kinds])
    spread = shapes.std(axis=0) + 0.02
    return np.asarray((shapes - shapes.mean(axis=0)) / spread, dtype=np.float32)


def _shape(kind: Kind) -> npt.NDArray[np.float64]:
    """Draw silhouette and edges of a class in its middle proportions."""
    tones = _tones(kind)
    edges = np.zeros((FINE, FINE), dtype=np.float64)
    edges[1:] += tones[1:] != tones[:-1]
    edges[:, 1:] += tones[:, 1:] != tones[:, :-1]
    soft = cv2.GaussianBlur(np.minimum(edges, 1), (0, 0), 1.5)
    layers = [cv2.resize(layer, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for layer in ((tones > 0) * 1.0, soft)]
    both = np.stack(layers)
    return np.asarray((both + both[:, :, ::-1])[:, :, : SIDE // 2] / 2, dtype=np.float64).ravel()


def _tones(kind: Kind) -> npt.NDArray[np.int64]:
    """Tell which surface is seen where: 0 for none."""
    seen = np.zeros((FINE, FINE), dtype=np.int64)
    for part in kind.design(Vary(np.random.Generator(np.random.PCG64(0)))):
        contours = [(contour + REACH) * (FINE / 2 / REACH) for contour in part.contours]
        mask = mask_of(contours, (FINE, FINE), part.width * FINE / 2 / REACH)
        facet = 0 if part.shade is None else 4 * (part.shade // SHADES + 10)
        seen[mask > 127] = part.tone + 1 + facet
    return seen
