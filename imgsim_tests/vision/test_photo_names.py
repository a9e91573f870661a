from imgsim_assets.vision.photo_names import is_photo_name


def test_what_is_meant_to_be_a_photo():
    assert all(is_photo_name(name) for name in ("a.jpg", "A.JPEG", "d/e.f.PnG", "a.heic", "a.tif", "a.avif", "a.NEF"))
    assert not any(is_photo_name(name) for name in ("notes.txt", "jpg", "a.jpg.txt", "a.csv", ".jpg", "a"))
