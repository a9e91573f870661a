"""TIFF's directories: which of a file's pictures is the photo, and whether it is a camera's raw data.

A raw file is a TIFF whose first picture is often a small preview: any directory in it that holds raw data tells it.
"""

import io
import struct
from collections.abc import Iterator
from typing import IO

from PIL import TiffImagePlugin

from imgsim_assets.vision.formats import RefusedError

Tags = TiffImagePlugin.ImageFileDirectory_v2

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, MAKE = 254, 255, 256, 257, 259, 262, 271
BITS, SUB_DIRECTORIES = 258, 330
REDUCED, MASK, OLD_REDUCED = 1, 4, 2
PIECES = ((273, 279), (324, 325))  # where strips and tiles begin, and how long they are
MOST_DIRECTORIES = 64  # looked at; what lies behind is no first page and no raw file's own
SMALLER, ALIKE = 4, 0.03  # times that a preview's sides are smaller, at least, and by how much its form may differ

RAW_PHOTOMETRICS = {32803, 34892}  # colour filter array, linear raw
RAW_TAGS = (50706, 33421, 33422)  # DNG's version, and the pattern of a colour filter array
RAW_COMPRESSIONS = {32767, 32769, 32770, 32867, 34713, 65000, 65535}  # Sony, Epson, Samsung, Kodak, Nikon, Pentax
CANON_MARK, PHASE_ONE_MARK, PHASE_ONE = b"CR\2\0", b"IIII", ("Phase One", "Leaf")  # marks behind the header
RAW_DETAIL = "a camera's raw file, not yet a picture; export it as JPEG, PNG or TIFF"


def find_photo(file: IO[bytes]) -> tuple[IO[bytes], Tags]:
    """Find the directory of a TIFF's photo: the first page that is no preview, nor a mask.

    What is not said to be a preview is one where a picture of the same form and many times its size is there.

    Returns:
        A file whose first directory that is (the same where it was), and its tags.

    Raises:
        RefusedError: it is a camera's raw file.
        Exception: whatever Pillow makes of a damaged header.
    """
    pages = list(_chain(file))
    below = [sub for page in pages for sub in _sub_directories(file, page)]
    if _is_raw(file, [*pages, *below]):
        raise RefusedError("raw", RAW_DETAIL)
    tags = next((one for one in [*pages, *below] if not _is_preview(one) and one.get(WIDTH)), pages[0])
    tags = next((one for one in [*pages, *below] if _is_small_one_of(tags, one)), tags)
    if not tags.get(WIDTH) or not tags.get(HEIGHT) or not any(starts in tags for starts, _ in PIECES):
        raise ValueError("a TIFF without a size or without data")
    if 0 in tags.get(BITS, (1,)):
        raise ValueError("a TIFF of no bits")
    if _is_preview(tags) and (SUB_DIRECTORIES in tags or pages[-1].next not in {0, *(page.offset for page in pages)}):
        raise ValueError("a TIFF of which a preview is left alone")
    return (file if tags is pages[0] else _starting_at(file, tags)), tags


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
    if header.startswith(b"MM\0+"):  # Pillow takes its addresses for those of a small one
        raise RefusedError("unsupported", "no decoder here reads a big-endian BigTIFF; save it as PNG")
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
    mark, make = file.read(4), str(directories[0].get(MAKE, ""))
    # Such a mark could also be grey pixels.
    if mark == CANON_MARK or (mark == PHASE_ONE_MARK and make.startswith(PHASE_ONE)):
        return True
    return any(
        tags.get(PHOTOMETRIC) in RAW_PHOTOMETRICS
        or tags.get(COMPRESSION) in RAW_COMPRESSIONS
        or any(tag in tags for tag in RAW_TAGS)
        for tags in directories
    )


def _is_preview(tags: Tags) -> bool:
    return bool(int(tags.get(SUBFILE, 0)) & (REDUCED | MASK)) or tags.get(OLD_SUBFILE) == OLD_REDUCED


def _is_small_one_of(tags: Tags, other: Tags) -> bool:
    small, large = _size(tags), _size(other)
    if _is_preview(other) or not all((*small, *large)) or not any(starts in other for starts, _ in PIECES):
        return False
    across, down = large[0] / small[0], large[1] / small[1]
    return min(across, down) >= SMALLER and abs(across - down) <= ALIKE * max(across, down)


def _size(tags: Tags) -> tuple[int, int]:
    width, height = (side if isinstance(side, int) else 0 for side in (tags.get(WIDTH), tags.get(HEIGHT)))
    return width, height


def _starting_at(file: IO[bytes], tags: Tags) -> IO[bytes]:
    """Copy a file into memory, with another directory as its first."""
    file.seek(0)
    content = bytearray(file.read())
    big, order = 43 in content[2:4], "little" if content.startswith(b"II") else "big"
    place = slice(8, 16) if big else slice(4, 8)
    content[place] = tags.offset.to_bytes(8 if big else 4, order)
    return io.BytesIO(content)
