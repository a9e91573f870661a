import os
import sys

import pytest
from PIL import Image, ImageOps

from imgsim_assets.fingerprint import content_id
from imgsim_assets.settings import Ingest
from imgsim_assets.vision import inspection
from imgsim_assets.vision.folder import read_folder
from imgsim_assets.vision.inspection import (
    INSPECTION_SCHEMA,
    Inspection,
    from_table,
    identify_files,
    inspect_photo,
    inspect_photos,
    to_table,
)
from imgsim_tests.broken_files import encoded, picture, write_broken_files
from imgsim_tests.vision.folders import flat_folder

INGEST = Ingest()


def test_files_are_known_by_their_content(tmp_path):
    data = flat_folder(tmp_path)
    (data / "test" / "copy.png").write_bytes((data / "train" / "a.png").read_bytes())
    entries = read_folder(data, INGEST).entries
    found = {entry.name: identity for entry, identity in zip(entries, identify_files(entries, 2), strict=True)}
    assert found["copy.png"] == found["a.png"]
    assert found["a.png"].content_id == content_id(data / "train" / "a.png")
    assert found["a.png"].bytes == (data / "train" / "a.png").stat().st_size
    assert len({identity.content_id for identity in found.values()}) == 5


def test_files_that_cannot_be_read_have_a_reason_and_no_content_id(tmp_path, monkeypatch):
    data = flat_folder(tmp_path)
    (data / "test" / "gone.jpg").symlink_to("nowhere")
    real = inspection.content_id

    def refuse(path):
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(inspection, "content_id", refuse)
    entries = read_folder(data, INGEST).entries
    found = {entry.name: identity for entry, identity in zip(entries, identify_files(entries, 2), strict=True)}
    assert (found["a.png"].content_id, found["a.png"].reason) == (None, "unreadable")
    assert found["a.png"].detail == "Permission denied"
    assert (found["gone.jpg"].content_id, found["gone.jpg"].reason) == (None, "unreadable")
    assert found["b.png"].content_id is not None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_a_name_that_is_no_text_is_quarantined(tmp_path):
    data = flat_folder(tmp_path)
    bad = os.fsencode(data / "test") + b"/caf\xe9.png"
    with open(bad, "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(encoded(picture(0), "PNG"))
    entries = read_folder(data, INGEST).of("test")
    found = dict(zip([entry.name for entry in entries], identify_files(entries, 1), strict=True))
    assert found["caf\\xe9.png"].reason == "unusable name"
    assert found["x.png"].reason is None


def test_an_inspection_tells_the_upright_size(tmp_path):
    exif = inspection_exif(6)
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(picture(1, 64).crop((0, 0, 64, 32)), "JPEG", exif=exif))
    found = inspect_photo(path, content_id(path), INGEST)
    assert (found.status, found.width, found.height, found.format) == ("ok", 32, 64, "JPEG")
    assert found.perceptual_hash is not None
    assert found.lasts


@pytest.mark.parametrize(("trim", "box", "alike"), [(True, (12, 12, 76, 76), True), (False, (0, 0, 88, 88), False)])
def test_a_photo_is_known_by_what_is_inside_its_border(tmp_path, trim, box, alike):
    photo = picture(1, 64)
    for name, made in (("clean.png", photo), ("framed.png", ImageOps.expand(photo, 12, "white"))):
        made.save(tmp_path / name)
    ingest = Ingest(trim=trim)
    paths = (tmp_path / "clean.png", tmp_path / "framed.png")
    clean, framed = (inspect_photo(path, content_id(path), ingest) for path in paths)
    assert (framed.content_left, framed.content_top, framed.content_right, framed.content_bottom) == box
    assert (framed.width, framed.height) == (88, 88)
    assert (clean.perceptual_hash == framed.perceptual_hash) is alike


def inspection_exif(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif.tobytes()


def test_only_unknown_contents_are_opened_and_each_once(tmp_path, monkeypatch):
    data = flat_folder(tmp_path)
    (data / "test" / "copy.png").write_bytes((data / "train" / "a.png").read_bytes())
    entries = read_folder(data, INGEST).entries
    identities = identify_files(entries, 2)
    opened = []
    real = inspection.read_file
    monkeypatch.setattr(inspection, "read_file", lambda path, *how: opened.append(path) or real(path, *how))
    every = inspect_photos(entries, identities, set(), INGEST, 2)
    assert len(opened) == 5
    ids = [found.content_id for found in every]
    assert ids == sorted(set(ids))
    opened.clear()
    rest = inspect_photos(entries, identities, set(ids[1:]), INGEST, 2)
    assert [found.content_id for found in rest] == ids[:1]
    assert len(opened) == 1


def test_inspections_do_not_depend_on_the_number_of_threads(tmp_path):
    data = flat_folder(tmp_path)
    write_broken_files(data / "train")
    entries = read_folder(data, INGEST).entries
    one, eight = ((identify_files(entries, n), n) for n in (1, 8))
    assert one[0] == eight[0]
    assert inspect_photos(entries, one[0], set(), INGEST, 1) == inspect_photos(entries, one[0], set(), INGEST, 8)


def test_a_photo_that_could_not_be_read_today_is_not_kept(tmp_path):
    found = inspect_photo(tmp_path / "gone.png", "0" * 32, INGEST)
    assert (found.status, found.reason, found.lasts) == ("quarantined", "unreadable", False)


def test_a_photo_that_changed_since_it_was_identified_is_not_taken_for_what_it_was(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture(1), "PNG"))
    known_by = content_id(path)
    path.write_bytes(encoded(picture(2), "PNG"))
    found = inspect_photo(path, known_by, INGEST)
    assert (found.content_id, found.status, found.reason, found.lasts) == (known_by, "quarantined", "changed", False)


def test_rows_keep_everything():
    inspections = [
        Inspection("0" * 32, "ok", None, None, 3, 4, 0, 0, 3, 4, "PNG", 2**64 - 1),
        Inspection("1" * 32, "ok", None, None, 3, 4, 1, 0, 2, 4, "PNG", None),
        Inspection("2" * 32, "quarantined", "truncated", "half of it"),
    ]
    table = to_table(inspections)
    assert table.schema == INSPECTION_SCHEMA
    assert list(from_table(table).values()) == inspections
    assert from_table(to_table([])) == {}
