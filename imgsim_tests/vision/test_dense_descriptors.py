"""Dense SIFT and local colours against the definition, point by point; what they must not depend on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.vision.dense_colour import dense_colour
from imgsim_assets.vision.dense_grid import CELLS, Grid
from imgsim_assets.vision.dense_sift import DIMENSION, DIRECTIONS, PEAK, WINDOW, dense_sift

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (41, 57, 3), dtype=np.uint8)


@given(height=st.integers(8, 60), width=st.integers(8, 60), cell=st.integers(2, 10), step=st.integers(1, 9))
def test_a_grid_lies_within_the_picture_and_looks_at_its_cells(height, width, cell, step):
    grid = Grid(height, width, cell, step)
    rows = range(2 * cell, height - 2 * cell + 1, step)
    columns = range(2 * cell, width - 2 * cell + 1, step)
    pooled = np.arange(height * width, dtype=np.float32).reshape(height, width, 1)
    middles = np.array([[row, column] for row in rows for column in columns]).reshape(-1, 2)
    around = grid.around(pooled)
    assert around.shape == (len(middles), CELLS, CELLS, 1)
    assert grid.places.shape == (len(middles), 2)
    if len(middles):
        # Half of a pixel is rounded to the even one: within half a pixel of the cell's middle.
        found = np.stack(np.divmod(around[..., 0].astype(int), width), axis=-1)
        offsets = (np.arange(CELLS) - 1.5) * cell
        exact = middles[:, None, None] + np.stack(np.meshgrid(offsets, offsets, indexing="ij"), axis=-1)
        assert np.abs(found - exact).max() <= 0.5
        assert np.abs(grid.places).max() <= 0.5
        np.testing.assert_allclose((grid.places + 0.5) * [width, height], middles[:, ::-1], atol=1e-4)


def test_colours_are_means_and_spreads_of_squares():
    cell, step = 4, 7
    descriptors, places = dense_colour(PICTURE, [cell], step)
    grid = Grid(*PICTURE.shape[:2], cell, step)
    np.testing.assert_array_equal(places, grid.places)
    rows, columns = grid._sides
    values = PICTURE / 255
    # A square of even side has its middle between two pixels; OpenCV takes the later one.
    for number, (row, column) in enumerate([(row, column) for row in rows for column in columns]):
        expected = []
        for down in (-6, -2, 2, 6):
            for right in (-6, -2, 2, 6):
                y, x = row + down, column + right
                square = values[max(0, y - 2) : y + 2, max(0, x - 2) : x + 2].reshape(-1, 3)
                expected += [*square.mean(axis=0), *square.std(axis=0)]
        if min(row, column) > 8:  # elsewhere the square is cut by the edge
            np.testing.assert_allclose(descriptors[number], expected, atol=2e-3)


def directions(grey: np.ndarray, y: int, x: int) -> np.ndarray:
    """The gradient at a pixel, dealt to eight directions."""
    right, down = grey[y, x + 1] - grey[y, x - 1], grey[y + 1, x] - grey[y - 1, x]
    turns = np.arctan2(down, right) % (2 * np.pi) / (2 * np.pi) * DIRECTIONS
    lower = int(turns)
    dealt = np.zeros(DIRECTIONS)
    dealt[lower % DIRECTIONS] += np.hypot(right, down) * (1 - (turns - lower))
    dealt[(lower + 1) % DIRECTIONS] += np.hypot(right, down) * (turns - lower)
    return dealt


def test_sift_is_its_definition(monkeypatch):
    """Without the blur, which is OpenCV's: pooled gradients by loops over the pixels around a point."""
    from imgsim_assets.vision import dense_sift as module

    monkeypatch.setattr(module.cv2, "GaussianBlur", lambda grey, *_: grey)
    monkeypatch.setattr(module, "FLAT", 0.0)
    cell = 4
    grey = RANDOM.integers(0, 256, (40, 40)).astype(np.uint8)
    descriptors, places = module.dense_sift(np.repeat(grey[:, :, np.newaxis], 3, axis=2), [cell], 9)
    point = int(np.argmin(np.abs(places).sum(axis=1)))
    x, y = np.rint((places[point] + 0.5) * 40).astype(int)
    expected = np.zeros((CELLS, CELLS, DIRECTIONS))
    for i, down in enumerate((-6, -2, 2, 6)):
        for j, right in enumerate((-6, -2, 2, 6)):
            for dy in range(1 - cell, cell):
                for dx in range(1 - cell, cell):
                    weight = (1 - abs(dy) / cell) * (1 - abs(dx) / cell) * WINDOW[i] * WINDOW[j]
                    expected[i, j] += weight * directions(grey.astype(float), y + down + dy, x + right + dx)
    flat = expected.ravel() / np.linalg.norm(expected)
    flat = np.minimum(flat, PEAK)
    np.testing.assert_allclose(descriptors[point], np.sqrt(flat / flat.sum()), atol=2e-3)


@pytest.mark.parametrize("cells", [(4,), (4, 6)])
def test_sift_does_not_see_light_or_contrast(cells):
    # Twice the contrast without anything cut off.
    dim = (PICTURE // 4).astype(np.uint8)
    one, places = dense_sift(dim, cells, 5)
    other, _ = dense_sift((2 * dim + 60).astype(np.uint8), cells, 5)
    assert one.shape == (len(places), DIMENSION)
    assert np.sum(one * other, axis=1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)


def test_where_nothing_is_there_is_no_direction():
    descriptors, _ = dense_sift(np.full((40, 40, 3), 77, dtype=np.uint8), [4], 4)
    assert not descriptors.any()
