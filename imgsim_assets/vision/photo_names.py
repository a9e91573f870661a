"""Which files are meant to be photos, by their names; what they are is told by their bytes, see `formats`."""

from pathlib import Path

JPEG_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif"}
HEIF_SUFFIXES = {".heic", ".heics", ".heif", ".hif", ".avif", ".avifs"}
OTHER_SUFFIXES = {".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
RAW_SUFFIXES = {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw"}
RAW_SUFFIXES |= {".orf", ".pef", ".raf", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
PHOTO_SUFFIXES = frozenset(JPEG_SUFFIXES | HEIF_SUFFIXES | OTHER_SUFFIXES | RAW_SUFFIXES)


def is_photo_name(name: str) -> bool:
    """Whether a file of this name is meant to be a photo, so that even a broken one deserves an answer."""
    return Path(name).suffix.lower() in PHOTO_SUFFIXES
