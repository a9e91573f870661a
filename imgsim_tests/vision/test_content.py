import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from imgsim_assets.vision.content import Content, find_content
from imgsim_assets.vision.drawing.chrome import bars as bars_over
from imgsim_assets.vision.drawing.chrome import border as border_over
from imgsim_assets.vision.drawing.chrome import caption as caption_over
from imgsim_assets.vision.drawing.pose import Difficulty
from imgsim_assets.vision.drawing.sample import KINDS
from imgsim_assets.vision.drawing.scene import draw_photo
from imgsim_bench.graphics import GRAPHICS
from imgsim_bench.site import bars, border, caption, everything
from imgsim_tests.budget import examples

SIDES = st.integers(1, 40)
CLEAN = Difficulty(chrome=0.0)
SCENES = [
    draw_photo(recipe, np.random.default_rng(seed), 192, CLEAN) for seed, recipe in enumerate(list(KINDS.values())[::3])
]


def compressed(photo, quality=85):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def is_whole(photo):
    return find_content(photo) == Content(0, 0, photo.shape[1], photo.shape[0])


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("draw", [border, bars, caption])
def test_what_a_site_put_around_a_photo_is_found(draw):
    """Nearly always, to within two hundredths of a side, which compression blurs."""
    found = 0
    for seed, photo in enumerate(SCENES):
        clean = find_content(compressed(photo)).size
        width, height = find_content(compressed(draw(photo, np.random.default_rng(seed)))).size
        found += abs(width - clean[0]) <= 4 and abs(height - clean[1]) <= 4
    assert found >= 0.94 * len(SCENES)


@pytest.mark.parametrize(("draw", "share"), [(border_over, 0.9), (bars_over, 0.9), (caption_over, 0.55)])
def test_what_covers_a_photo_s_rim_is_found(draw, share):
    """Captions where they are white or black, as seven in ten are: of another colour, they may be titles."""
    cut = [not is_whole(compressed(draw(photo, np.random.default_rng(seed)))) for seed, photo in enumerate(SCENES)]
    assert np.mean(cut) >= share


def test_a_photo_without_any_stays_whole():
    assert np.mean([is_whole(compressed(photo)) for photo in SCENES]) >= 0.95


ANY_SIDE = [(7, 7, 7, 7), (20, 0, 0, 0), (0, 25, 0, 0), (0, 0, 9, 9), (1, 2, 3, 4)]
TWO_SIDES = [(7, 7, 7, 7), (0, 0, 9, 9), (12, 10, 0, 0)]
WHITE, BLACK, NAVY, PINK = (255, 255, 255), (0, 0, 0), (24, 40, 72), (200, 30, 90)


@pytest.mark.parametrize(
    ("rims", "colour"),
    [*((rims, colour) for rims in ANY_SIDE for colour in (WHITE, BLACK, NAVY)), *((rims, PINK) for rims in TWO_SIDES)],
)
def test_a_border_is_found_to_the_pixel(rims, colour):
    top, bottom, left, right = rims
    framed = cv2.copyMakeBorder(noise(90, 120), *rims, cv2.BORDER_CONSTANT, value=colour)
    assert find_content(framed) == Content(left, top, left + 120, top + 90)
    assert (top, bottom, left, right) == rims


@pytest.mark.parametrize("rims", [(20, 0, 0, 0), (0, 25, 0, 0), (0, 0, 9, 0), (9, 18, 0, 0)])
def test_a_vivid_strip_without_a_twin_opposite_stays(rims):
    assert is_whole(cv2.copyMakeBorder(noise(90, 120), *rims, cv2.BORDER_CONSTANT, value=PINK))


def test_letters_lie_in_captions_and_not_in_thinner_title_bars():
    for share, cut in ((0.08, True), (0.04, False)):
        strip = np.full((round(share * 300), 200, 3), 255, np.uint8)
        strip[2:-3, 30:90:2] = 0
        assert is_whole(np.concatenate([strip, noise(300 - len(strip), 200)])) is not cut


def test_one_inside_the_other():
    inner = cv2.copyMakeBorder(noise(90, 120), 0, 14, 0, 0, cv2.BORDER_CONSTANT, value=(240, 240, 240))
    outer = cv2.copyMakeBorder(inner, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=(10, 20, 80))
    assert find_content(outer) == Content(6, 6, 126, 96)


def test_what_compression_mixed_between_two_strips_hides_neither():
    inner = cv2.copyMakeBorder(noise(90, 120), 12, 12, 0, 0, cv2.BORDER_CONSTANT, value=PINK)
    outer = cv2.copyMakeBorder(inner, 0, 20, 0, 0, cv2.BORDER_CONSTANT, value=WHITE)
    outer[len(inner)] = np.add(PINK, WHITE) // 2
    assert find_content(inner) == find_content(outer) == Content(0, 12, 120, 102)


def test_a_row_that_is_mixed_with_nothing_beyond_it_stays():
    inner = noise(90, 120)
    inner[0] = PINK
    outer = cv2.copyMakeBorder(inner, 20, 0, 0, 0, cv2.BORDER_CONSTANT, value=WHITE)
    assert find_content(outer) == Content(0, 20, 120, 110)


def flat():
    return np.full((80, 120, 3), 200, np.uint8)


def fading_sky():
    ramp = np.linspace(250, 90, 80).astype(np.uint8)
    return np.broadcast_to(ramp[:, None, None], (80, 120, 3)).copy()


def product():
    photo = np.full((120, 120, 3), 255, np.uint8)
    return np.asarray(cv2.circle(photo, (60, 60), 40, (30, 60, 90), -1))


def stripes():
    return np.repeat(noise(12, 1, 3), 8, axis=0).repeat(120, axis=1)


@pytest.mark.parametrize("draw", [flat, fading_sky, product, stripes])
def test_plain_places_that_belong_to_the_photo_stay(draw):
    assert is_whole(draw())


def test_a_border_that_leaves_too_little_is_the_photo():
    assert is_whole(cv2.copyMakeBorder(noise(20, 20), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255, 255, 255)))


@pytest.mark.parametrize("kind", GRAPHICS)
def test_what_is_drawn_in_few_flat_colours_stays(kind):
    assert all(is_whole(GRAPHICS[kind](np.random.default_rng(seed))) for seed in range(12))


@pytest.mark.parametrize("outer", [(200, 20, 30), (20, 60, 160)])
@pytest.mark.parametrize("noisy", [0, 3, 8])
@pytest.mark.parametrize("upright", [True, False])
def test_flags_that_differ_in_their_outer_stripes_alone_stay_apart(outer, noisy, upright):
    flag = np.full((200, 300, 3), (246, 200, 20), np.float64)
    flag[:50] = flag[-50:] = outer
    flag += np.random.default_rng(0).normal(0, noisy, flag.shape)
    photo = np.clip(flag.transpose(1, 0, 2) if upright else flag, 0, 255).astype(np.uint8)
    assert is_whole(photo)
    assert is_whole(compressed(photo))


@settings(max_examples=examples(100), deadline=None)
@given(
    colours=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=8),
    width=st.integers(8, 40),
    noisy=st.integers(0, 3),
    upright=st.booleans(),
)
def test_flat_stripes_are_never_cut(colours, width, noisy, upright):
    flag = np.repeat(np.array(colours, np.int64), width, axis=0)[:, None].repeat(120, axis=1)
    flag = flag + np.random.default_rng(0).integers(-noisy, noisy + 1, flag.shape)
    photo = np.clip(flag.transpose(1, 0, 2) if upright else flag, 0, 255).astype(np.uint8)
    assert is_whole(np.ascontiguousarray(photo))


@pytest.mark.parametrize("draw", [border, bars, caption, everything, border_over, bars_over, caption_over])
def test_what_is_left_is_not_cut_again(draw):
    for seed, photo in enumerate(SCENES):
        framed = compressed(draw(photo, np.random.default_rng(seed)))
        found = find_content(framed)
        assert is_whole(framed[found.top : found.bottom, found.left : found.right])


@settings(max_examples=examples(60), deadline=None)
@given(
    rims=st.tuples(*[st.integers(0, 24)] * 4),
    colour=st.sampled_from([(255, 255, 255), (0, 0, 0), (24, 40, 72), (236, 228, 208)]),
    seed=st.integers(0, 99),
)
def test_cutting_off_a_border_gives_the_photo_back(rims, colour, seed):
    top, _, left, _ = rims
    framed = cv2.copyMakeBorder(noise(100, 130, seed), *rims, cv2.BORDER_CONSTANT, value=colour)
    assert find_content(framed) == Content(left, top, left + 130, top + 100)


@settings(max_examples=examples(200), deadline=None)
@given(arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3)), elements=st.sampled_from([0, 9, 255])))
def test_there_is_always_content(photo):
    found = find_content(photo)
    assert 0 <= found.left < found.right <= photo.shape[1]
    assert 0 <= found.top < found.bottom <= photo.shape[0]


@given(
    box=st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60)),
    margins=st.tuples(st.integers(0, 50), st.integers(0, 50)),
    reduction=st.sampled_from([1, 2, 4, 8]),
)
def test_nothing_of_a_border_is_left_in_a_reduced_photo(box, margins, reduction):
    """Where the content is several reduced pixels large; of less, a pixel is left."""
    left, top, width, height = box
    size = left + width + margins[0], top + height + margins[1]
    photo = np.zeros((size[1], size[0], 3), np.uint8)
    photo[top : top + height, left : left + width] = 255
    content = Content(left, top, left + width, top + height)
    reduced = Image.fromarray(photo).reduce(reduction)
    cut = content.of(reduced, size)
    assert cut.width >= 1
    assert cut.height >= 1
    assert cut.width <= -(-width // reduction)
    exact = size[0] % reduction == size[1] % reduction == 0
    if exact and min(width, height) >= 2 * reduction:
        assert np.asarray(cut).min() == 255


def test_the_whole_is_not_copied():
    photo = Image.new("RGB", (5, 4))
    assert Content(0, 0, 5, 4).of(photo, (5, 4)) is photo
