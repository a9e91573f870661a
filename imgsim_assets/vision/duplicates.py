"""Photos that are nearly the same: perceptual hashes, and the groups that close hashes make."""

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

HASH_BITS = 64
THUMBNAIL = 32  # the side to which the hash itself reduces a photo
LOWEST = 8  # the hash compares the 8 x 8 lowest frequencies of the thumbnail
ROUNDING = 2.0  # rounding to whole grey levels alone gives a coefficient a deviation of 0.29
TELLING = 16
FOLD_PAIRS = 1 << 22

Ints = npt.NDArray[np.int64]


def perceptual_hash(photo: Image.Image) -> int | None:
    """Hash what a photo shows, so that copies which were scaled or compressed again differ in few of 64 bits.

    The hash compares the lowest frequencies with their median. A flat photo has none, and stripes or a
    ramp have them along one side only: there the bits are rounding errors, all flat photos share one
    hash whatever their colour, and all ramps a few. They get none rather than a false one; exact copies
    of them are still found by content id.

    Source: pHash's DCT hash, as `imagehash.phash` computes it.
    """
    import imagehash

    grey = photo.convert("L")
    thumbnail = np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS), np.float32)
    frequencies = np.abs(np.asarray(cv2.dct(thumbnail)))[:LOWEST, :LOWEST].ravel()[1:]
    if np.count_nonzero(frequencies > ROUNDING) < TELLING:
        return None
    bits = np.asarray(imagehash.phash(grey, hash_size=LOWEST).hash, dtype=bool).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_duplicate_groups(hashes: npt.NDArray[np.uint64], bits: int) -> Ints:
    """Group hashes: two that differ in at most `bits` bits are in one group, and so is who is near either.

    Cut into `bits + 1` pieces, two such hashes agree in one piece at least (pigeonhole), so only
    hashes that share a piece are compared; memory stays linear in their number whatever the data.

    Args:
        hashes: uint64 [n].
        bits: the largest Hamming distance of a pair.

    Returns:
        int64 [n], group numbers from 0 in order of first appearance.

    Source: multi-index hashing, Norouzi, Punjani and Fleet, CVPR 2012.
    """
    distinct, where = np.unique(np.asarray(hashes, np.uint64), return_inverse=True)
    groups: Ints = np.arange(len(distinct), dtype=np.int64)
    if bits > 0:
        cuts = np.linspace(0, HASH_BITS, bits + 2).astype(int)
        for start, end in pairwise(cuts):
            piece = (distinct >> np.uint64(start)) & np.uint64((1 << int(end - start)) - 1)
            groups = _join_within_pieces(distinct, piece, bits, groups)
    return number_by_appearance(groups[where.ravel()])


def join_groups(groups: Ints, left: Ints, right: Ints) -> Ints:
    """Join the groups of the members `left[i]` and `right[i]`, for every i.

    Args:
        groups: [n], the group number of each member, below n.
        left: [m], members.
        right: [m], members.

    Returns:
        int64 [n], the new group numbers, below n.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(groups)
    graph = coo_array((np.ones(len(left), np.int8), (groups[left], groups[right])), shape=(size, size))
    components = np.asarray(connected_components(graph.tocsr(), directed=False)[1], np.int64)
    return components[groups]


def _join_within_pieces(
    distinct: npt.NDArray[np.uint64], piece: npt.NDArray[np.uint64], bits: int, groups: Ints
) -> Ints:
    order = np.argsort(piece, kind="stable").astype(np.int64)
    piece, ordered = piece[order], distinct[order]
    left: list[Ints] = []
    right: list[Ints] = []
    active: Ints = np.arange(len(order), dtype=np.int64)
    step = pending = 0
    while True:  # step k compares each hash with the k-th behind it, while both share the piece
        step += 1
        active = active[active + step < len(order)]
        active = active[piece[active] == piece[active + step]]
        if not active.size:
            break
        near = active[np.bitwise_count(ordered[active] ^ ordered[active + step]) <= bits]
        left.append(order[near])
        right.append(order[near + step])
        pending += near.size
        if pending > FOLD_PAIRS:
            groups = join_groups(groups, np.concatenate(left), np.concatenate(right))
            left, right, pending = [], [], 0
    return join_groups(groups, np.concatenate(left), np.concatenate(right)) if pending else groups


def number_by_appearance(groups: Ints) -> Ints:
    """Give the groups [n] new numbers: 0 for the first member's, 1 for the next that appears, and so on."""
    _, first, where = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[where.ravel()]
