"""Small sound photos of every supported format and of many kinds, which `damage` spoils."""

import functools

import numpy as np
from PIL import Image

from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.vision.lossless_jpeg import lossless_jpeg
from imgsim_tests.vision.tiffs import joined, tiff

SIDE = 48


@functools.cache
def sound_files() -> dict[str, bytes]:
    """Give the contents by name; the suffix is that of the format."""
    photo = picture(1, SIDE)
    clear, grey = photo.copy(), photo.convert("L")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    pixels = np.asarray(photo)
    wide = pixels.astype(np.uint16) * 257
    exif = Image.Exif()
    exif[274], exif[270] = 6, "a cat"
    frames = [picture(seed, SIDE).quantize(8) for seed in (2, 3)]
    return {
        "baseline.jpg": encoded(photo, "JPEG", exif=exif),
        "progressive.jpg": encoded(photo, "JPEG", progressive=True),
        "restarts.jpg": encoded(photo, "JPEG", restart_marker_rows=1),
        "grey.jpg": encoded(grey, "JPEG"),
        "cmyk.jpg": encoded(photo.convert("CMYK"), "JPEG"),
        "lossless.jpg": lossless_jpeg(np.asarray(grey)),
        "colour.png": encoded(photo, "PNG", exif=exif),
        "alpha.png": encoded(clear, "PNG"),
        "palette.png": encoded(photo.quantize(16), "PNG", transparency=3),
        "wide.png": encoded(Image.fromarray(wide[:, :, 0]), "PNG"),
        "animation.png": encoded(photo, "PNG", save_all=True, append_images=[picture(2, SIDE)]),
        "lossy.webp": encoded(photo, "WEBP", exif=exif.tobytes()),
        "lossless.webp": encoded(clear, "WEBP", lossless=True),
        "animation.webp": encoded(photo, "WEBP", save_all=True, append_images=[picture(2, SIDE)]),
        "still.gif": encoded(photo.quantize(32), "GIF", transparency=2),
        "animation.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "colour.bmp": encoded(photo, "BMP"),
        "palette.bmp": encoded(photo.quantize(16), "BMP"),
        "alpha.bmp": encoded(clear, "BMP"),
        "raw.tif": tiff(pixels, 2),
        "planes.tif": tiff(wide, 2, planes=True, order=">"),
        "float.tif": tiff(pixels.astype(np.float32) / 255, 2, deflate=True),
        "twelve.tif": tiff(wide[:, :, :1], 1, deflate=True),
        "lzw.tif": encoded(photo, "TIFF", compression="tiff_lzw", exif=exif),
        "jpeg.tif": encoded(photo, "TIFF", compression="jpeg"),
        "fax.tif": encoded(grey.convert("1"), "TIFF", compression="group4"),
        "pages.tif": encoded(photo, "TIFF", save_all=True, append_images=[picture(2, SIDE)]),
        "preview.tif": _with_preview(grey),
        "photo.avif": encoded(photo, "AVIF", speed=10),
        "alpha.avif": encoded(clear, "AVIF", speed=10),
        "photo.heic": encoded(photo, "HEIF"),
        "alpha.heic": encoded(clear, "HEIF"),
    }


def _with_preview(grey: Image.Image) -> bytes:
    def page(image: Image.Image, flag: int) -> tuple[dict, list[bytes]]:
        side = (4, [image.width])
        tags = {254: (4, [flag]), 256: side, 257: side, 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
        return {**tags, 278: side}, [image.tobytes()]

    return joined([page(grey.resize((8, 8)), 1), page(grey, 0)])
