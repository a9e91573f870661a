"""How far photos of one kind may differ, and where the thing stands in one of them."""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.vision.drawing.outline import Points


@dataclass(frozen=True)
class Difficulty:
    """How far photos of one kind may differ.

    Attributes:
        turn: largest rotation, in degrees either way.
        smallest, largest: half of the thing's height as a share of half of the photo's shorter side.
        clutter: most other things behind it.
        hidden: share of photos with something in front of it.
        chrome: share of photos with site chrome.
    ground: strongest surface of the background, 0 to 1.
        outlined: share of things drawn by their outlines only.
    """

    turn: float = 15.0
    smallest: float = 0.7
    largest: float = 0.95
    clutter: int = 3
    hidden: float = 0.25
    chrome: float = 0.3
    ground: float = 0.4
    outlined: float = 0.08


@dataclass(frozen=True)
class Pose:
    """Where the unit square lands: x' = matrix @ x + centre, then a slight perspective."""

    matrix: Points
    centre: Points
    tilt: Points
    wave: Points
    scale: float

    def __call__(self, points: Points) -> Points:
        """Move points of the unit square to pixels; a slow wave bends them a little."""
        bent = points + self.wave[0] * np.sin(points[:, ::-1] * self.wave[1] + self.wave[2])
        depth = 1 + bent @ self.tilt
        return np.asarray((bent @ self.matrix.T) / depth[:, None] + self.centre, dtype=np.float64)


def between(generator: np.random.Generator, low: float, high: float) -> float:
    """Draw a number between two."""
    return float(low + (high - low) * generator.random())


def draw_pose(generator: np.random.Generator, shape: tuple[int, int], difficulty: Difficulty) -> Pose:
    """Draw where, how large and how turned the thing is."""
    height, width = shape
    scale = between(generator, difficulty.smallest, difficulty.largest) * min(shape) / 2
    angle = np.deg2rad(between(generator, -difficulty.turn, difficulty.turn))
    stretch = between(generator, 0.85, 1.18)
    cos, sin = np.cos(angle), np.sin(angle)
    shear = np.array([[1.0, between(generator, -0.15, 0.15)], [0.0, 1.0]])
    mirror = -1.0 if generator.random() < 0.5 else 1.0
    matrix = np.array([[cos, -sin], [sin, cos]]) @ shear @ np.diag([mirror * stretch, 1 / stretch]) * scale
    spare = np.array([max(0.0, width / 2 - scale), max(0.0, height / 2 - scale)])
    centre = np.array([width / 2, height / 2]) + (2 * generator.random(2) - 1) * spare
    wave = np.stack([generator.random(2) * 0.05, 1 + 2 * generator.random(2), generator.random(2) * 6])
    return Pose(matrix, centre, (generator.random(2) - 0.5) * 0.3, wave, scale)
