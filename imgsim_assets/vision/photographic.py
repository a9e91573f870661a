"""How much of a picture is photographed, as against drawn in a few flat colours: flags, logos, windows, charts, pages.

Photographs have many colours, even of plain places, since light falls off; what is drawn has few, and the mixtures
along its lines are few pixels.
"""

import cv2
import numpy as np
import numpy.typing as npt

LOOKED_AT = 256  # pixels of the longer side, at most
CALMED = 5  # pixels across, of which the middle one counts: noise and thin lines go
CELL = 8  # levels of a channel that are one; a colour takes its neighbours with it, as compression mixes them
FEW = 12  # colours
GREY, GREY_SHARE = 12, 0.98  # levels by which a grey's channels differ, and the share of a grey picture that is grey


def colour_variety(picture: npt.NDArray[np.uint8]) -> float:
    """Give the share of a picture, uint8 [height, width, 3], that its twelve commonest colours leave."""
    step = -(-max(picture.shape[:2]) // LOOKED_AT)
    calm = cv2.medianBlur(np.ascontiguousarray(picture[::step, ::step]), CALMED).reshape(-1, 3)
    # Greys lie on one line in the space of colours, and have as much room there in cells half as large.
    red, green, blue = calm.T  # a tenth of the time of `ptp` over three
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    cell = CELL // 2 if (spread <= GREY).mean() >= GREY_SHARE else CELL
    cells = 256 // cell
    counts = np.bincount(calm // cell @ np.array([cells**2, cells, 1]))
    colours = np.flatnonzero(counts)
    counts, places = counts[colours], np.stack(np.unravel_index(colours, (cells,) * 3), axis=1)
    for _ in range(FEW):
        alike = (np.abs(places - places[counts.argmax()]) <= 1).all(axis=1)
        counts = np.where(alike, 0, counts)
    return float(counts.sum() / len(calm))
