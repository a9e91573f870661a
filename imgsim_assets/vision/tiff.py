"""TIFF: which of a file's pictures is the photo, whether it is a camera's raw data, and who decodes its kind right.

Pillow decodes what it has a mode for, OpenCV wide numbers. Both turn some kinds into garbage or black without a word,
so each is given only those that it was seen to decode right, against files of known pixels (decision 18).
"""

import io
import struct
from collections.abc import Iterator
from typing import IO

from PIL import ImagePalette, TiffImagePlugin

from imgsim_assets.vision.formats import RefusedError

Tags = TiffImagePlugin.ImageFileDirectory_v2

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
FILL_ORDER, SAMPLES, ROWS, PLANAR, COLOURS, TILE_WIDTH, TILE_HEIGHT, SUB_DIRECTORIES = (
    266,
    277,
    278,
    284,
    320,
    322,
    323,
    330,
)
EXTRA, FORMAT = 338, 339
REDUCED, MASK, OLD_REDUCED = 1, 4, 2
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR = 0, 1, 2, 6
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
LZW = 5
PIECES = ((273, 279), (324, 325))  # where strips and tiles begin, and how long they are
MOST_DIRECTORIES = 64  # looked at; what lies behind is no first page and no raw file's own

RAW_PHOTOMETRICS = {32803, 34892}  # colour filter array, linear raw
RAW_TAGS = (50706, 33421, 33422)  # DNG's version, and the pattern of a colour filter array
RAW_COMPRESSIONS = {32767, 32769, 32770, 32867, 34713, 65000, 65535}  # Sony, Epson, Samsung, Kodak, Nikon, Pentax
RAW_MARKS = (b"CR\2\0", b"IIII")  # behind the header: Canon, Phase One
RAW_DETAIL = "a camera's raw file, not yet a picture; export it as JPEG, PNG or TIFF"

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


def find_photo(file: IO[bytes]) -> tuple[IO[bytes], Tags]:
    """Find the directory of a TIFF's photo: the first page that is no preview, nor a mask.

    Returns:
        A file whose first directory that is (the same where it was), and its tags.

    Raises:
        RefusedError: it is a camera's raw file, or of a kind that no decoder reads.
        Exception: whatever Pillow makes of a damaged header.
    """
    pages = list(_chain(file))
    below = [sub for page in pages for sub in _sub_directories(file, page)]
    if _is_raw(file, [*pages, *below]):
        raise RefusedError("raw", RAW_DETAIL)
    tags = next((one for one in [*pages, *below] if not _is_preview(one) and one.get(WIDTH)), pages[0])
    if not tags.get(WIDTH) or not tags.get(HEIGHT) or not any(starts in tags for starts, _ in PIECES):
        raise ValueError("a TIFF without a size or without data")
    _require_compression(tags)
    return (file if tags is pages[0] else _starting_at(file, tags)), tags


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


def lacks_data(file: IO[bytes]) -> bool:
    """Whether a file that would not decode ends before its first directory or the data of its first picture do."""
    size = file.seek(0, io.SEEK_END)
    header = _header(file)
    try:
        start = int(Tags(header).next)
        tags = _read(file, header, start) if start < size else {}
        ends = [zip(tags.get(starts, ()), tags.get(lengths, ()), strict=False) for starts, lengths in PIECES]
        return start >= size or any(int(first) + int(length) > size for pieces in ends for first, length in pieces)
    except struct.error:  # no whole header, or no whole directory
        return True
    except Exception:
        return False


def _header(file: IO[bytes]) -> bytes:
    file.seek(0)
    header = file.read(8)
    return header + file.read(8) if 43 in header[2:4] else header


def _chain(file: IO[bytes]) -> Iterator[Tags]:
    """Read directory after directory; damage behind the first ends the chain."""
    header, seen = _header(file), set[int]()
    start = Tags(header).next
    while start and start not in seen and len(seen) < MOST_DIRECTORIES:
        try:
            tags = _read(file, header, start)
        except Exception:
            if not seen:
                raise
            return
        seen.add(start)
        yield tags
        start = tags.next
    if not seen:
        raise ValueError("a TIFF without a directory")


def _read(file: IO[bytes], header: bytes, start: int) -> Tags:
    tags = Tags(header)
    file.seek(start)
    tags.load(file)
    return tags


def _sub_directories(file: IO[bytes], page: Tags) -> Iterator[Tags]:
    try:
        starts = page.get(SUB_DIRECTORIES, ())
        for start in (starts if isinstance(starts, tuple) else (starts,))[:MOST_DIRECTORIES]:
            yield _read(file, _header(file), int(start))
    except Exception:  # whatever stands beside the picture
        return


def _is_raw(file: IO[bytes], directories: list[Tags]) -> bool:
    file.seek(8)
    return file.read(4) in RAW_MARKS or any(
        tags.get(PHOTOMETRIC) in RAW_PHOTOMETRICS
        or tags.get(COMPRESSION) in RAW_COMPRESSIONS
        or any(tag in tags for tag in RAW_TAGS)
        for tags in directories
    )


def _is_preview(tags: Tags) -> bool:
    return bool(int(tags.get(SUBFILE, 0)) & (REDUCED | MASK)) or tags.get(OLD_SUBFILE) == OLD_REDUCED


def _require_compression(tags: Tags) -> None:
    compression = tags.get(COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        name = OTHER_COMPRESSIONS.get(compression, f"number {compression}")
        raise RefusedError("unsupported", f"no decoder here has TIFF's compression {name}; save it as PNG, or with LZW")


def _starting_at(file: IO[bytes], tags: Tags) -> IO[bytes]:
    """Copy a file into memory, with another directory as its first."""
    file.seek(0)
    content = bytearray(file.read())
    big, order = 43 in content[2:4], "little" if content.startswith(b"II") else "big"
    place = slice(8, 16) if big else slice(4, 8)
    content[place] = tags.offset.to_bytes(8 if big else 4, order)
    return io.BytesIO(content)


def _raw_mode(image: TiffImagePlugin.TiffImageFile) -> str:
    arguments = image.tile[0].args
    return str(arguments[0]) if isinstance(arguments, tuple) else ""


def _mend_palette(image: TiffImagePlugin.TiffImageFile) -> None:
    colours = image.tag_v2.get(COLOURS, ())
    if image.palette is not None and max(colours) < 256:  # written as 8 bits, where 16 are meant
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
