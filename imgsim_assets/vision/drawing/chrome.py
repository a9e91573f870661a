"""What sites put on photos: borders, letterbox bars, captions, watermarks. Never related to the content."""

import numpy as np

from imgsim_assets.vision.drawing.canvas import Mask, Picture, paste

# Seven rows of five bits a letter: enough for words that nobody needs to read.
GLYPHS: tuple[tuple[int, ...], ...] = (
    (14, 17, 17, 31, 17, 17, 17), (30, 17, 17, 30, 17, 17, 30), (14, 17, 16, 16, 16, 17, 14),
    (31, 16, 16, 30, 16, 16, 31), (17, 17, 17, 31, 17, 17, 17), (14, 4, 4, 4, 4, 4, 14),
    (16, 16, 16, 16, 16, 16, 31), (17, 27, 21, 21, 17, 17, 17), (17, 25, 21, 19, 17, 17, 17),
    (14, 17, 17, 17, 17, 17, 14), (30, 17, 17, 30, 20, 18, 17), (15, 16, 16, 14, 1, 1, 30),
    (31, 4, 4, 4, 4, 4, 4), (17, 17, 17, 17, 17, 17, 14), (4, 12, 4, 4, 4, 4, 14),
    (14, 17, 1, 6, 8, 16, 31), (0, 0, 0, 0, 0, 0, 0),
)  # fmt: skip


def words(generator: np.random.Generator, letters: int, size: int) -> Mask:
    """Write `letters` random letters, `7 * size` pixels high."""
    columns = []
    for index in generator.integers(0, len(GLYPHS), letters):
        rows = np.array(GLYPHS[index], dtype=np.uint8)[:, None]
        columns.append((rows >> np.arange(5, -1, -1, dtype=np.uint8)) & 1)
    text = np.concatenate(columns, axis=1).astype(np.uint8) * 255
    return np.repeat(np.repeat(text, size, axis=0), size, axis=1)


def _place(shape: tuple[int, int], stamp: Mask, top: int, left: int) -> Mask:
    """Put a stamp on an empty mask; what hangs over is cut off."""
    mask = np.zeros(shape, dtype=np.uint8)
    part = stamp[: shape[0] - top, : shape[1] - left]
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return mask


def _colour(generator: np.random.Generator) -> Picture:
    """White, black or any colour."""
    kind = generator.random()
    if kind < 0.35:
        return np.full(3, 250, dtype=np.uint8)
    if kind < 0.7:
        return np.full(3, 8, dtype=np.uint8)
    return generator.integers(0, 256, 3, dtype=np.uint8)


def border(picture: Picture, generator: np.random.Generator) -> Picture:
    """A frame in one colour."""
    rim = int(generator.integers(3, 12))
    framed = np.empty_like(picture)
    framed[:] = _colour(generator)
    framed[rim:-rim, rim:-rim] = picture[rim:-rim, rim:-rim]
    return framed


def bars(picture: Picture, generator: np.random.Generator) -> Picture:
    """Letterbox bars above and below, or beside."""
    result = picture.copy()
    upright = generator.random() < 0.5
    rim = int(generator.integers(6, 18))
    view = result if upright else result.transpose(1, 0, 2)
    colour = _colour(generator)
    view[:rim] = colour
    view[-rim:] = colour
    return result


def caption(picture: Picture, generator: np.random.Generator) -> Picture:
    """A strip with words at the top or the bottom."""
    height, width = picture.shape[:2]
    strip = int(generator.integers(12, 22))
    top = 0 if generator.random() < 0.3 else height - strip
    result = picture.copy()
    result[top : top + strip] = _colour(generator)
    text = words(generator, int(generator.integers(8, 26)), 1)
    mask = _place((height, width), text, top + (strip - 7) // 2, int(generator.integers(2, 20)))
    return paste(result, mask, _colour(generator))


def watermark(picture: Picture, generator: np.random.Generator) -> Picture:
    """See-through words, once or all over."""
    height, width = picture.shape[:2]
    stamp = words(generator, int(generator.integers(3, 8)), int(generator.integers(1, 4)))
    strength = int(generator.integers(70, 150))
    if generator.random() < 0.35:
        spaced = np.pad(stamp, ((8, 18), (6, 24)))
        repeats = (height // spaced.shape[0] + 1, width // spaced.shape[1] + 1)
        mask = np.tile(spaced, repeats)[:height, :width]
    else:
        top = int(generator.integers(0, max(1, height - stamp.shape[0])))
        mask = _place((height, width), stamp, top, int(generator.integers(0, max(1, width // 2))))
    faint = (mask.astype(np.uint16) * strength // 255).astype(np.uint8)
    return paste(picture, faint, _colour(generator))


def add_chrome(picture: Picture, generator: np.random.Generator) -> Picture:
    """Add one or two kinds of chrome."""
    kinds = (border, bars, caption, watermark)
    count = 1 if generator.random() < 0.7 else 2
    for index in np.sort(generator.permutation(len(kinds))[:count]):
        picture = kinds[index](picture, generator)
    return picture
