"""Surfaces: zero-centred brightness patterns, int16 [height, width], between -100 and 100."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Texture: TypeAlias = npt.NDArray[np.int16]
Drawn: TypeAlias = Callable[[tuple[int, int], np.random.Generator], Texture]


def plain(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """A smooth surface."""
    del generator
    return np.zeros(shape, dtype=np.int16)


def clouds(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """Value noise of three octaves."""
    height, width = shape
    cells = int(generator.integers(2, 7))
    total = np.zeros(shape, dtype=np.int16)
    for octave in range(3):
        grid = generator.integers(0, 256, (cells << octave, cells << octave), dtype=np.uint8)
        layer = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR_EXACT).astype(np.int16) - 128
        total += layer >> octave
    return np.clip(total // 2, -100, 100)


def grain(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """Fine speckles."""
    speckle = generator.integers(0, 256, shape, dtype=np.uint8)
    return np.asarray(cv2.blur(speckle, (3, 3)), dtype=np.int16) - 128


def wood(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """Streaks in one direction."""
    streaks = generator.integers(0, 256, (1, int(generator.integers(12, 60))), dtype=np.uint8)
    warped = cv2.resize(streaks, (shape[1], 1), interpolation=cv2.INTER_LINEAR_EXACT)
    field = np.repeat(warped, shape[0], axis=0).astype(np.int16) - 128
    turned = field if generator.random() < 0.5 else np.resize(field[0], shape[::-1]).T
    return np.asarray(turned * 3 // 4, dtype=np.int16)


def _position(shape: tuple[int, int], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Give each pixel its place along a random direction, in pixels."""
    angle = generator.random() * np.pi
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(x * np.cos(angle) + y * np.sin(angle), dtype=np.float64)


def stripes(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """Hard-edged bands."""
    period = 6 + 24 * generator.random()
    wave = np.clip(np.sin(_position(shape, generator) * (2 * np.pi / period)) * 4, -1, 1)
    return np.asarray(np.rint(wave * 80), dtype=np.int16)


def ripples(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """Two crossing waves."""
    first, second = (
        np.sin(_position(shape, generator) * (2 * np.pi / (7 + 30 * generator.random()))) for _ in range(2)
    )
    return np.asarray(np.rint((first + second) * 48), dtype=np.int16)


def checks(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """A turned chequer."""
    period = 8 + 22 * generator.random()
    angle = generator.random() * np.pi / 2
    y, x = np.mgrid[: shape[0], : shape[1]]
    along = np.floor((x * np.cos(angle) + y * np.sin(angle)) / period)
    across = np.floor((y * np.cos(angle) - x * np.sin(angle)) / period)
    return np.asarray((along + across) % 2 * 150 - 75, dtype=np.int16)


def dots(shape: tuple[int, int], generator: np.random.Generator) -> Texture:
    """A grid of round dots."""
    period = 8 + 16 * generator.random()
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = (x % period - period / 2) ** 2 + (y % period - period / 2) ** 2
    return np.where(away < (period * 0.3) ** 2, 80, -40).astype(np.int16)


TEXTURES: tuple[Drawn, ...] = (plain, clouds, grain, wood, stripes, ripples, checks, dots)


def texture(shape: tuple[int, int], generator: np.random.Generator, strength: float) -> Texture:
    """Draw a random surface, scaled by `strength` (0 none, 1 full)."""
    drawn = TEXTURES[int(generator.integers(len(TEXTURES)))](shape, generator)
    share = round(strength * 64)
    return np.asarray((drawn.astype(np.int32) * share) >> 6, dtype=np.int16)
