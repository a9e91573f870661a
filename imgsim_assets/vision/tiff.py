"""TIFF: who decodes a kind of it right.

Pillow decodes what it has a mode for, OpenCV wide numbers. Both turn some kinds into garbage or black without a word,
so each is given only those that it was seen to decode right, against files of known pixels (decision 18).
"""

from typing import IO

from PIL import ImagePalette, TiffImagePlugin

from imgsim_assets.vision.formats import RefusedError
from imgsim_assets.vision.tiff_directories import BITS, COMPRESSION, HEIGHT, PHOTOMETRIC, WIDTH, Tags

FILL_ORDER, SAMPLES, ROWS, PLANAR, COLOURS = 266, 277, 278, 284, 320
TILE_WIDTH, TILE_HEIGHT, EXTRA, FORMAT = 322, 323, 338, 339
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR = 0, 1, 2, 6
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
LZW = 5

COMPRESSIONS = {
    1: "none",
    2: "CCITT",
    3: "fax 3",
    4: "fax 4",
    5: "LZW",
    6: "old JPEG",
    7: "JPEG",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    34925: "LZMA",
    50000: "Zstandard",
}
OTHER_COMPRESSIONS = {
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34933: "PNG",
    34934: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
TWELVE_BITS = "I;12"
NATIVE = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}  # libtiff turns the bytes itself


class _TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF that libtiff also unpacks where nothing is compressed, but Pillow's own unpacking does not know the kind.

    These are planes of 16 bits or beside others, subsampled colour, and bits turned round.
    """

    def _setup(self) -> None:
        tags = self.tag_v2
        kinds = tags.get(PLANAR, 1) == 2, tags.get(PHOTOMETRIC) == YCBCR, tags.get(FILL_ORDER, 1) == 2
        if tags.get(COMPRESSION, 1) == 1 and any(kinds):
            # All but "none" is libtiff's business to Pillow, and libtiff reads the tags of the file itself.
            tags[COMPRESSION] = LZW
        super()._setup()


def require_compression(tags: Tags) -> None:
    """Refuse a compression that no decoder here has: OpenCV gives black for some.

    Raises:
        RefusedError: it has none.
    """
    compression = tags.get(COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        name = OTHER_COMPRESSIONS.get(compression, f"number {compression}")
        raise RefusedError("unsupported", f"no decoder here has TIFF's compression {name}; save it as PNG, or with LZW")


def depth(tags: Tags) -> int:
    """Give the bytes that all samples of a pixel take once they are decoded."""
    bits = tags.get(BITS, (1,))
    return max(1, -(-int(max(bits)) // 8)) * max(len(bits), int(tags.get(SAMPLES, 1)))


def largest_piece(tags: Tags) -> int:
    """Give the pixels of the largest part that is decoded at once: of a tile, which may be larger than the picture."""
    return max(int(tags.get(WIDTH, 0)), int(tags.get(TILE_WIDTH, 0))) * max(
        min(int(tags.get(HEIGHT, 0)), int(tags.get(ROWS, 2**32 - 1))), int(tags.get(TILE_HEIGHT, 0))
    )


def open_by_pillow(file: IO[bytes]) -> TiffImagePlugin.TiffImageFile | None:
    """Open a TIFF's first directory by Pillow; None: it has no mode for it, or a wrong one.

    Raises:
        Exception: whatever Pillow makes of a damaged header.
    """
    file.seek(0)
    try:
        image = _TiffFile(file)
    except SyntaxError:
        return None
    planes = image.tag_v2.get(PLANAR, 1) == 2
    # The alpha of grey planes is lost, and twelve bits are not widened.
    if (planes and image.mode in ("LA", "La", "PA")) or _raw_mode(image) == TWELVE_BITS:
        return None
    if image.use_load_libtiff and _raw_mode(image) in NATIVE:
        arguments = (NATIVE[_raw_mode(image)], *(image.tile[0].args or ())[1:])
        image.tile = [image.tile[0]._replace(args=arguments)]
    _mend_palette(image)
    return image


def suits_opencv(tags: Tags) -> bool:
    """Whether OpenCV gives the numbers of this kind as they are: wide ones, grey or RGB, pixel by pixel."""
    bits, formats, extra = tags.get(BITS, (1,)), tags.get(FORMAT, (UNSIGNED,)), tags.get(EXTRA, ())
    if len(set(bits)) > 1 or len(set(formats)) > 1 or tags.get(COMPRESSION, 1) not in (1, 5, 8, 32773, 32946):
        return False
    samples, photometric = int(tags.get(SAMPLES, 1)), tags.get(PHOTOMETRIC)
    grey = photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and samples == 1 and not extra
    colour = photometric == RGB and samples - len(extra) == 3 and samples <= 4 and tags.get(PLANAR, 1) == 1
    return (grey or colour) and (bits[0], formats[0]) in _NUMBERS


_NUMBERS = {
    *((bits, UNSIGNED) for bits in (10, 12, 14, 16, 32, 64)),
    *((bits, SIGNED) for bits in (16, 32)),
    *((bits, FLOAT) for bits in (32, 64)),
}


def describe_kind(tags: Tags) -> str:
    """Say in a few words of which kind a TIFF is that nobody reads."""
    bits, samples = tags.get(BITS, (1,)), int(tags.get(SAMPLES, 1))
    kind = {SIGNED: " signed", FLOAT: " floating-point"}.get(max(tags.get(FORMAT, (1,))), "")
    planes = ", in planes" if tags.get(PLANAR, 1) == 2 else ""
    name = COMPRESSIONS.get(tags.get(COMPRESSION, 1))
    return (
        f"no decoder here reads a TIFF of {samples} x {max(bits)}{kind} bits{planes} "
        f"(photometric {tags.get(PHOTOMETRIC)}, compression {name}); save it as PNG, or as TIFF of 8 bits"
    )


def _raw_mode(image: TiffImagePlugin.TiffImageFile) -> str:
    arguments = image.tile[0].args
    return str(arguments[0]) if isinstance(arguments, tuple) else ""


def _mend_palette(image: TiffImagePlugin.TiffImageFile) -> None:
    colours = image.tag_v2.get(COLOURS, ())
    if image.palette is not None and max(colours) < 256:  # written as 8 bits, where 16 are meant
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
