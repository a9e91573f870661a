"""What trimming loses: pictures of which nothing may be cut off, drawn here, and real photos of a folder."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_assets.vision.content import find_content
from imgsim_assets.vision.drawing.canvas import Picture
from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_assets.vision.photo_names import is_photo_name
from imgsim_bench.graphics import GRAPHICS
from imgsim_bench.markdown import table_lines

QUARTER = 4  # of each side is cut off to get the middle of a photo


@dataclass(frozen=True)
class Loss:
    """How many pictures of a kind lost something."""

    kind: str
    pictures: int
    cut: int


def measure_losses(count: int, seed: int, photos: Path | None = None, max_pixels: int = 100_000_000) -> list[Loss]:
    """Look for the content of pictures that are content all over.

    Args:
        count: drawn pictures of each kind: as they are, noisy, compressed and resized in turn.
        seed: of what is drawn.
        photos: a folder of real photos, looked at as they are (where what is cut off may be a site's) and without a
            quarter at each side, where nothing of a site is left but of the widest borders.
        max_pixels: larger photos are left out, as are those that cannot be read.

    Raises:
        InputError: there is no photo in the folder.
    """
    losses = [
        Loss(kind, count, sum(_loses(_worn(draw, seed, place)) for place in range(count)))
        for kind, draw in GRAPHICS.items()
    ]
    if photos is not None:
        cut = np.array([(_loses(photo), _loses(_middle(photo))) for photo in _photos(photos, max_pixels)])
        if not len(cut):
            raise InputError(f"photos in {photos}", "none that can be read", "name another folder")
        for kind, which in (("photos as they are", 0), ("their middles", 1)):
            losses.append(Loss(kind, len(cut), int(cut[:, which].sum())))
    return losses


def losses_in_markdown(losses: Sequence[Loss]) -> str:
    """Write a table for the docs."""
    return "\n".join(
        table_lines(("kind", "pictures", "cut"), [(one.kind, f"{one.pictures}", f"{one.cut}") for one in losses])
    )


def _worn(draw: Callable[[np.random.Generator], Picture], seed: int, place: int) -> Picture:
    generator = np.random.default_rng((seed, place))
    picture = draw(generator)
    wear = place % 4
    if wear == 1:
        noise = generator.normal(0, generator.uniform(1, 6), picture.shape)
        return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8)
    if wear == 2:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=int(generator.integers(60, 96)))
        return np.asarray(Image.open(file))
    if wear == 3:
        scale = generator.uniform(0.5, 2)
        return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return picture


def _photos(folder: Path, max_pixels: int) -> Iterator[Picture]:
    for path in sorted(folder.rglob("*")):
        if is_photo_name(path.name):
            try:
                yield np.asarray(decode_photo(path, max_pixels))
            except PhotoError:
                continue


def _middle(photo: Picture) -> Picture:
    height, width = photo.shape[:2]
    return photo[height // QUARTER : height - height // QUARTER, width // QUARTER : width - width // QUARTER]


def _loses(picture: Picture) -> bool:
    return find_content(picture).size != picture.shape[1::-1]
