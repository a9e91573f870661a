import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgsim_assets.settings import Canny
from imgsim_assets.vision.canny import Edges, find_edges
from imgsim_assets.vision.views import make_view
from imgsim_tests.broken_files import picture


def edges(box, shape=(4, 4)):
    found = np.zeros(shape, np.bool_)
    found[1, 2] = True
    return Edges(found, box, 1 / found.size)


def test_rgb_is_the_photo_and_mirror_swaps_left_and_right():
    photo = picture(1)
    assert make_view(photo, "rgb", None) is photo
    np.testing.assert_array_equal(np.asarray(make_view(photo, "mirror", None)), np.asarray(photo)[:, ::-1])


def test_zoom_is_the_middle_of_the_photo():
    photo = picture(1, 80)
    middle = np.asarray(photo)[10:70, 10:70]
    np.testing.assert_array_equal(np.asarray(make_view(photo, "zoom", None)), middle)
    np.testing.assert_array_equal(np.asarray(make_view(photo, "zoom_mirror", None)), middle[:, ::-1])


@pytest.mark.parametrize("view", ["canny_focus", "canny_edges"])
def test_canny_views_need_edges(view):
    with pytest.raises(ValueError, match=view):
        make_view(picture(1), view, None)


def test_the_focus_is_the_part_inside_the_box():
    photo = picture(2, 100)
    focus = make_view(photo, "canny_focus", edges((0.25, 0.5, 0.75, 1.0)))
    np.testing.assert_array_equal(np.asarray(focus), np.asarray(photo)[50:100, 25:75])
    whole = make_view(photo, "canny_focus", edges((0.0, 0.0, 1.0, 1.0)))
    np.testing.assert_array_equal(np.asarray(whole), np.asarray(photo))


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (3, 2), (30, 1)])
@pytest.mark.parametrize("box", [(0.0, 0.0, 0.2, 0.2), (0.8, 0.8, 1.0, 1.0), (0.4, 0.4, 0.6, 0.6)])
def test_the_focus_of_a_tiny_photo_has_a_pixel(size, box):
    focus = make_view(Image.new("RGB", size), "canny_focus", edges(box))
    assert focus.width >= 1
    assert focus.height >= 1


def test_the_focus_of_a_large_photo_is_not_judged_by_pillows_limit(monkeypatch):
    photo = picture(3, 60)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert make_view(photo, "canny_focus", edges((0.0, 0.0, 1.0, 0.5))).size == (60, 30)


def test_the_edges_are_white_on_black_in_the_maps_size():
    view = make_view(picture(1), "canny_edges", edges((0.0, 0.0, 1.0, 1.0), (5, 7)))
    assert (view.mode, view.size) == ("RGB", (7, 5))
    pixels = np.asarray(view)
    assert pixels[1, 2].tolist() == [255, 255, 255]
    assert pixels.sum() == 3 * 255


def test_the_focus_of_a_drawn_object_leaves_out_the_empty_ground():
    photo = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(photo).ellipse((250, 150, 350, 250), fill="navy")
    focus = make_view(photo, "canny_focus", find_edges(photo, Canny()))
    assert 100 <= focus.width < 160
    assert 95 <= focus.height < 160
    assert (np.asarray(focus)[:, :, 0] < 128).mean() > 0.4
