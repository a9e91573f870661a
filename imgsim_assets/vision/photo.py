"""A photo file turned into upright RGB pixels, or into a reason why not.

The pixels depend on the file's bytes alone: not on its name, and of its metadata on the EXIF
orientation alone. Animations and files of several pages give their first picture. What the kinds of
pixels become is told in `colour`.

A file is read into memory as a whole before anything looks at it. Who knows its content id says so, and is refused
other bytes: what is computed of a photo is never stored under the name of another.
"""

import io
import stat
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile

from imgsim_assets.fingerprint import bytes_id, content_id
from imgsim_assets.vision.colour import decode_by_opencv, to_rgb
from imgsim_assets.vision.formats import HEAD_BYTES, RAW, SUPPORTED, RefusedError, is_cut_short, open_as, sniff
from imgsim_assets.vision.hush import Hush
from imgsim_assets.vision.salvage import has_sound_pixels, is_suspicious_jpeg, is_whole_jpeg, salvage
from imgsim_assets.vision.tiff import (
    depth,
    describe_kind,
    largest_piece,
    open_by_pillow,
    require_compression,
    suits_opencv,
)
from imgsim_assets.vision.tiff_directories import HEIGHT, RAW_DETAIL, WIDTH, find_photo, lacks_data

DECODING_REVISION = "decoding/2"  # raised when a file gives other pixels than before

JPEG_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif"}
HEIF_SUFFIXES = {".heic", ".heics", ".heif", ".hif", ".avif", ".avifs"}
OTHER_SUFFIXES = {".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
RAW_SUFFIXES = {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw"}
RAW_SUFFIXES |= {".orf", ".pef", ".raf", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
PHOTO_SUFFIXES = frozenset(JPEG_SUFFIXES | HEIF_SUFFIXES | OTHER_SUFFIXES | RAW_SUFFIXES)
REDUCTIONS = (1, 2, 4, 8)  # of a JPEG's sides, which consists of blocks of 8 x 8 pixels
ORIENTATION_TAG = 274
SAMPLE_BYTES = 8  # of samples, by which a photo of as many pixels as are allowed is decoded at most
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DETAIL_LENGTH = 200
PILLOW_LACKS = ("unsupported", "not supported", "cannot handle")
BYTES_A_PIXEL = 16  # four channels of 32 bits: no photo has more
ALWAYS_READ = 1 << 26  # bytes: small photos may carry large metadata
OF_THE_DAY = frozenset({"unreadable", "changed", "not a file"})
PILLOW_REFUSES = "not identified by this driver"

_hush = Hush()


class PhotoError(Exception):
    """A file that gives no photo.

    `reason` is one of `"empty"`, `"not a file"` (a pipe, a device), `"not an image"`, `"raw"` (a camera's raw
    file), `"unsupported"` (sound, but of a kind that no decoder here reads), `"truncated"`, `"damaged"`,
    `"oversized"`, `"unreadable"` (the file could not be read; another day it may be), and `"changed"` (its bytes are
    not those that were asked for).
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason, which tables count, apart from the detail, which a person reads."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    @property
    def lasts(self) -> bool:
        """Whether it is true of the bytes that were asked for; else of the day, and to be tried again."""
        return self.reason not in OF_THE_DAY


def is_photo_name(name: str) -> bool:
    """Whether a file of this name is meant to be a photo, so that even a broken one deserves an answer."""
    return Path(name).suffix.lower() in PHOTO_SUFFIXES


def require_file(path: Path) -> int:
    """Give the size in bytes of a file that can be opened without waiting.

    Raises:
        PhotoError: there is none, or it is a pipe, a socket, a device or a folder.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise PhotoError("unreadable", str(error.strerror)) from error
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError("not a file", "a pipe, socket, device or folder of that name")
    return status.st_size


def can_be_read(path: Path) -> bool:
    """Whether a file is there that lets itself be read."""
    try:
        require_file(path)
        with path.open("rb") as file:
            file.read(1)
    except (PhotoError, OSError):
        return False
    return True


def read_file(path: Path, max_pixels: int, known_by: str | None = None) -> bytes:
    """Read a file into memory, once.

    Args:
        path: the file.
        max_pixels: a file that is larger than so many pixels need is not read.
        known_by: the content id that it must have; None: any.

    Raises:
        PhotoError: it cannot be read, or has another content.
    """
    size, limit = require_file(path), max(BYTES_A_PIXEL * max_pixels, ALWAYS_READ)
    try:
        content = path.read_bytes() if size <= limit else None
        found = content_id(path) if content is None else bytes_id(content)
    except OSError as error:
        raise PhotoError("unreadable", str(error.strerror)) from error
    if known_by not in (None, found):
        raise PhotoError("changed", "its bytes are not those that were catalogued")
    if content is None:
        raise PhotoError("oversized", f"{size} bytes; the limit is {limit}")
    return content


def decode_photo(path: Path, max_pixels: int, reduction: int = 1, *, known_by: str | None = None) -> Image.Image:
    """Decode a photo of any supported format into upright RGB without metadata.

    Args:
        path: the file; its name does not matter.
        max_pixels: larger photos are refused by their header, and so are those whose samples take more than
            `SAMPLE_BYTES` times as many bytes. At the limit a decode takes about 20 bytes of memory for each pixel
            at most, 4 for most photos. (For GIF, TIFF and WebP, Pillow's own limit of 179 million pixels holds as
            well.)
        reduction: one of `REDUCTIONS`: a JPEG's sides are divided by it while it is decoded, which takes a fraction
            of the time; other formats come whole.
        known_by: the content id that the file must have; None: any.

    Raises:
        PhotoError: it gives no photo.
    """
    return decode_bytes(read_file(path, max_pixels, known_by), max_pixels, reduction)[0]


def decode_bytes(content: bytes, max_pixels: int, reduction: int = 1) -> tuple[Image.Image, str]:
    """Decode like `decode_photo` what `read_file` gave; also tell the format, e.g. `"JPEG"`."""
    if not content:
        raise PhotoError("empty", "0 bytes")
    with io.BytesIO(content) as file, _hush:
        kind = sniff(content[:HEAD_BYTES])
        if kind is None:
            raise PhotoError("not an image", f"it does not begin as {SUPPORTED}")
        if kind == RAW:
            raise PhotoError("raw", RAW_DETAIL)
        try:
            return _decode(file, kind, max_pixels, reduction), kind
        except PhotoError:
            raise
        except RefusedError as error:
            raise PhotoError(error.reason, str(error)) from error
        except MemoryError as error:
            raise PhotoError("unreadable", "there is not enough memory to decode it") from error
        except Image.DecompressionBombError as error:
            raise PhotoError("oversized", _describe(error)) from error
        except Exception as error:  # decoders meet damage with any error: struct, zlib, index, syntax, ...
            raise PhotoError(_reason(error, kind, file), f"{kind}: {_describe(error)}") from error


def _decode(file: IO[bytes], kind: str, max_pixels: int, reduction: int) -> Image.Image:
    try:
        return _decode_once(file, kind, max_pixels, reduction)
    except (PhotoError, RefusedError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception:
        if kind == "JPEG" and reduction > 1:  # what cannot be reduced while it is decoded: lossless JPEGs, for one
            return _decode(file, kind, max_pixels, 1).reduce(reduction)
        file.seek(0)
        sound = salvage(kind, file.read())
        if sound is None:
            raise
        return _decode_once(io.BytesIO(sound), kind, max_pixels, 1)


def _decode_once(file: IO[bytes], kind: str, max_pixels: int, reduction: int) -> Image.Image:
    if kind == "TIFF":
        return _decode_tiff(file, max_pixels)
    image = open_as(kind, file)
    _refuse_size(image.size, max_pixels)
    if reduction > 1 and kind == "JPEG":
        image.draft(None, (max(1, image.width // reduction), max(1, image.height // reduction)))
    image.load()
    if reduction == 1 or kind != "JPEG":
        _refuse_pixels(file, kind, image)
    return _finished(image)


def _decode_tiff(file: IO[bytes], max_pixels: int) -> Image.Image:
    file, tags = find_photo(file)
    require_compression(tags)
    size, deep = (int(tags.get(WIDTH, 0)), int(tags.get(HEIGHT, 0))), depth(tags)
    _refuse_size(size, max_pixels)
    if max(size[0] * size[1], largest_piece(tags)) * deep > SAMPLE_BYTES * max_pixels:
        raise PhotoError("oversized", f"{deep} bytes a pixel; the limit is {SAMPLE_BYTES} times {max_pixels}")
    image = open_by_pillow(file)
    if image is not None:
        image.load()
        return _finished(image)
    if not suits_opencv(tags):
        raise RefusedError("unsupported", describe_kind(tags))
    file.seek(0)
    photo = decode_by_opencv(file.read(), tags)
    if photo is None:
        raise ValueError("neither Pillow nor OpenCV can read this TIFF")
    return photo  # OpenCV turns a TIFF upright itself, whatever flags it is given


def _refuse_pixels(file: IO[bytes], kind: str, image: ImageFile) -> None:
    """Refuse what was decoded without a complaint, and yet cannot be what was once written."""
    if kind == "JPEG" and is_suspicious_jpeg(file, image):
        file.seek(0)
        if not is_whole_jpeg(file.read()):
            raise PhotoError("truncated", "JPEG: the last of its pixels are missing")
    if kind == "PNG":
        file.seek(0)
        if not has_sound_pixels(file.read()):
            raise PhotoError("damaged", "PNG: its pixels do not have the checksum that was written with them")


def _finished(image: ImageFile) -> Image.Image:
    return _upright(to_rgb(image), _orientation(image))


def _reason(error: Exception, kind: str, file: IO[bytes]) -> str:
    said = str(error).lower()
    if any(word in said for word in PILLOW_LACKS):
        return "unsupported"
    cut = "truncated" in said or (lacks_data(file) if kind == "TIFF" else is_cut_short(kind, file))
    return "truncated" if cut else "damaged"


def _refuse_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise PhotoError("damaged", f"{width} x {height} pixels")
    if width * height > max_pixels:
        raise PhotoError("oversized", f"{width} x {height} pixels; the limit is {max_pixels}")


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block (any error) is no reason to lose a sound photo
        return 1


def _upright(photo: Image.Image, orientation: object) -> Image.Image:
    turn = UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    # Where nothing turns, the pixels themselves without what the file said of them: a copy takes as long as decoding.
    upright = photo._new(photo.im) if turn is None else photo.transpose(turn)
    upright.info = {}
    return upright


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return "its header cannot be read" if text == PILLOW_REFUSES else text[:DETAIL_LENGTH]
