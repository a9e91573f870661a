"""A photo file turned into upright RGB pixels, or into a reason why not.

The pixels depend on the file's bytes alone: not on its name, and of its metadata on the EXIF
orientation alone. Animations and files of several pages give their first picture. What the kinds of
pixels become is told in `colour`.
"""

import io
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile

from imgsim_assets.vision.colour import decode_by_opencv, to_rgb
from imgsim_assets.vision.formats import HEAD_BYTES, RAW, SUPPORTED, RefusedError, is_cut_short, open_as, sniff
from imgsim_assets.vision.hush import Hush
from imgsim_assets.vision.photo_file import PhotoError, read_file
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
PILLOW_REFUSES = "not identified by this driver"

_hush = Hush()


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
