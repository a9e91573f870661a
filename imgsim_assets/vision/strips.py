"""Strips of one colour along the edge of a photo, and the signs by which a site's are told from the photo's own.

A strip is plain at the edge, whatever letters follow, and plain again where it ends, in a straight line. Flags, skies,
title bars and covers begin with such strips too, so that one sign is not enough: see `is_chrome`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOOKED_AT = 256  # pixels of a row, at most
LIKE = 16  # levels by which one colour may differ in a channel, compressed as it is beside letters
PLAIN = 0.9  # share of a row that has the strip's colour, where the strip begins and ends; between may be letters
EMPTY, INK = 0.97, 48  # share of a row that differs by no more levels from the strip's colour, where nothing is written
LEFT_BEHIND = 0.35  # of a row behind the strip
BEHIND = 3  # rows, within which a strip ends
STILL = 3  # levels by which compression alone moves a strip's colour
MOST = 0.3  # of a side that one strip takes

DARK, LIGHT = 80, 200  # levels: the most of a colour near black, the least of one near white
CAPTION = 0.05  # of a side that a strip with letters takes, at least; title bars and status bars take less
WIDE = 16  # rows, from which compression leaves most of a drawn strip without any noise
DRAWN = 0.2  # share of a wide strip's plain rows that is exactly of the row's colour: no camera saw it
TWINS = 1.5  # times that a strip may be as wide as the one opposite


@dataclass(frozen=True, eq=False)
class Strip:
    """What a side of a photo begins with.

    Attributes:
        rows: how many it takes.
        share: of the side.
        colour: int16 [3].
        lettered: whether something lies in it.
        drawn: whether it is too even for a camera, as far as its width tells.
    """

    rows: int
    share: float
    colour: npt.NDArray[np.int16]
    lettered: bool
    drawn: bool


def find_strip(photo: npt.NDArray[np.uint8]) -> Strip | None:
    """Find the strip that a photo, uint8 [rows, pixels, 3], begins with."""
    most, step = int(MOST * len(photo)), -(-photo.shape[1] // LOOKED_AT)
    looked_at = photo[: most + BEHIND, ::step]
    colour = _colour(looked_at[0])
    if _share_like(looked_at[:1], colour)[0] < PLAIN:
        return None
    like = _share_like(looked_at, colour)
    for last in np.flatnonzero(like[:most] >= PLAIN).tolist():
        behind = np.flatnonzero(like[last + 1 : last + 1 + BEHIND] <= LEFT_BEHIND)
        if len(behind) and not _fades(looked_at[: last + 1], looked_at[last + 1 : last + 1 + BEHIND]):
            rows, plain = last + 1 + int(behind[0]), like[: last + 1] >= PLAIN
            lettered = bool((_share_like(looked_at[: max(1, last - BEHIND)], colour, INK) < EMPTY).any())
            return Strip(rows, rows / len(photo), colour, lettered, _drawn(looked_at[: last + 1][plain]))
    return None


def is_chrome(strip: Strip | None, opposite: Strip | None, *, vivid: bool) -> bool:
    """Tell whether a site put a strip there, by the strip and the one along the other edge.

    It has no camera's noise, but beside letters, and is nearly black or white; letters lie in it only where it is as
    wide as a caption. Of another colour, if such `vivid` ones may go, it has a twin opposite and no letters.
    """
    if strip is None or not (strip.drawn or strip.lettered):
        return False
    if _is_quiet(strip.colour):
        return not strip.lettered or strip.share >= CAPTION
    return vivid and opposite is not None and _are_twins(strip, opposite)


def _is_quiet(colour: npt.NDArray[np.int16]) -> bool:
    return bool(colour.max() <= DARK or colour.min() >= LIGHT)


def _are_twins(one: Strip, other: Strip) -> bool:
    narrow, wide = sorted((one.rows, other.rows))
    alike = bool((np.abs(one.colour - other.colour) <= LIKE).all())
    return alike and wide <= TWINS * narrow and not (one.lettered or other.lettered)


def _fades(strip: npt.NDArray[np.uint8], behind: npt.NDArray[np.uint8]) -> bool:
    """Tell whether rows [n, pixels, 3] behind a strip only go on with what began halfway through it."""
    first, halfway, last = (_colour(strip[row]) for row in (0, len(strip) // 2, -1))
    goes_on = (_share_like(behind, last) > LEFT_BEHIND).all()
    return bool(goes_on and np.abs(halfway - first).max() > STILL)


def _drawn(plain: npt.NDArray[np.uint8]) -> bool:
    """Tell whether rows [n, pixels, 3] of nearly one colour are exactly of one, but beside other things."""
    if len(plain) < WIDE:
        return True
    return bool((plain == np.median(plain, axis=1, keepdims=True)).all(axis=2).mean() >= DRAWN)


def _colour(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    return np.asarray(np.median(row, axis=0).astype(np.int16))


def _share_like(
    rows: npt.NDArray[np.uint8], colour: npt.NDArray[np.int16], within: int = LIKE
) -> npt.NDArray[np.float64]:
    """Give the share of each of the rows [n, pixels, 3] that has a colour, or nearly: float64 [n]."""
    red, green, blue = np.moveaxis(np.abs(rows - colour) <= within, 2, 0)  # a third of the time of `all` over three
    return np.asarray((red & green & blue).mean(axis=1))
