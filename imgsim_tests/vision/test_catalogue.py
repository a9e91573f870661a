import json
import os
import random
import shutil
import subprocess
import sys

import polars as pl
import pytest
from PIL import Image, ImageOps

from imgsim_assets.errors import InputError, UserError
from imgsim_assets.settings import Ingest
from imgsim_assets.vision import scan
from imgsim_assets.vision.catalogue import CATALOGUE_SCHEMA, assemble_catalogue, catalogue_counts, folder_changes
from imgsim_assets.vision.folder import folder_state, read_folder
from imgsim_assets.vision.inspection import identify_files, inspect_photos
from imgsim_tests.broken_files import encoded, picture, write_broken_files
from imgsim_tests.vision.folders import flat_folder, write_photos

INGEST = Ingest()


def catalogue(data):
    folder = read_folder(data, INGEST)
    identities = identify_files(folder.entries, 2)
    found = inspect_photos(folder.entries, identities, set(), INGEST, 2)
    return assemble_catalogue(folder, identities, {one.content_id: one for one in found}, INGEST.near_duplicate_bits)


def test_a_row_for_each_file_with_all_that_is_known(tmp_path):
    table = catalogue(flat_folder(tmp_path, "image,label\na.png,cat\n"))
    assert dict(table.schema) == CATALOGUE_SCHEMA
    assert table.select("split", "name").rows() == [
        ("test", "x.png"),
        ("test", "y.png"),
        ("train", "a.png"),
        ("train", "b.png"),
        ("train", "c.png"),
    ]
    row = table.row(2, named=True)
    assert (row["path"], row["label"], row["format"], row["width"], row["status"]) == (
        "train/a.png",
        "cat",
        "PNG",
        48,
        "ok",
    )
    assert row["reason"] is row["detail"] is None
    assert table["near_duplicate_group"].to_list() == [0, 1, 2, 3, 4]


def test_the_broken_are_listed_and_the_good_stay_as_they_were(tmp_path):
    data = flat_folder(tmp_path, "image,label\na.png,cat\n")
    before = catalogue(data)
    expected = write_broken_files(data / "train")
    write_broken_files(data / "test" / "deep")
    after = catalogue(data)
    columns = [name for name in after.columns if name != "near_duplicate_group"]
    good = after.filter(pl.col("status") == "ok")
    assert good.select(columns).equals(before.select(columns))
    assert good["near_duplicate_group"].to_list() == before["near_duplicate_group"].to_list()
    broken = after.filter((pl.col("status") == "quarantined") & (pl.col("split") == "train"))
    assert dict(broken.select("name", "reason").rows()) == expected
    assert broken["detail"].null_count() == 0
    assert broken["near_duplicate_group"].null_count() == broken.height
    assert catalogue_counts(after)["quarantined"] == 2 * len(expected)


def test_exact_and_near_copies_share_a_group_across_splits(tmp_path):
    data = flat_folder(tmp_path)
    (data / "train" / "d.png").write_bytes((data / "train" / "a.png").read_bytes())
    (data / "test" / "z.png").write_bytes((data / "train" / "a.png").read_bytes())
    original = picture(50, 300)
    (data / "train" / "e.jpg").write_bytes(encoded(original, "JPEG", quality=95))
    (data / "test" / "w.jpg").write_bytes(encoded(original.resize((200, 200)), "JPEG", quality=70))
    table = catalogue(data)
    group = dict(table.select(pl.format("{}/{}", "split", "name"), "near_duplicate_group").rows())
    assert group["train/a.png"] == group["train/d.png"] == group["test/z.png"]
    assert group["train/e.jpg"] == group["test/w.jpg"]
    assert len(set(group.values())) == 6
    counts = catalogue_counts(table)
    assert counts["exact_duplicates"] == 2
    assert counts["near_duplicate_groups"] == 1
    assert counts["cross_split_exact_pairs"] == 2
    assert counts["cross_split_near_pairs"] == 1


def test_flat_photos_are_grouped_by_content_alone(tmp_path):
    data = flat_folder(tmp_path)
    for name, colour in {"red": "red", "again": "red", "blue": "blue"}.items():
        (data / "train" / f"{name}.png").write_bytes(encoded(Image.new("RGB", (40, 40), colour), "PNG"))
    group = dict(catalogue(data).select("name", "near_duplicate_group").rows())
    assert group["red.png"] == group["again.png"] != group["blue.png"]


def test_counts(tmp_path):
    data = flat_folder(tmp_path, "image,label\na.png,cat\nb.png,dog\nc.png,dog\nbad.png,cat\n")
    (data / "train" / "bad.png").write_bytes(b"no photo")
    ImageOps.expand(picture(60), 9, "white").save(data / "test" / "x.png")
    assert catalogue_counts(catalogue(data)) == {
        "files": 6,
        "photos": 5,
        "train": 3,
        "test": 2,
        "labelled": 3,
        "classes": 2,
        "quarantined": 1,
        "quarantined_labelled": 1,
        "trimmed": 1,
        "exact_duplicates": 0,
        "near_duplicate_groups": 0,
        "cross_split_exact_pairs": 0,
        "cross_split_near_pairs": 0,
    }


def test_without_one_usable_train_photo_the_reasons_are_told(tmp_path):
    data = flat_folder(tmp_path)
    for name in ("a.png", "b.png"):
        (data / "train" / name).write_bytes(b"no photo")
    (data / "train" / "c.png").write_bytes(b"")
    with pytest.raises(InputError, match="2 not an image, 1 empty"):
        catalogue(data)


def test_splits_without_a_single_photo_are_named_at_once(tmp_path):
    data = flat_folder(tmp_path)
    for name in ("x.png", "y.png"):
        (data / "test" / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"one photo in .*test that can be opened; found 2 empty; to mend"):
        catalogue(data)
    for name in ("a.png", "b.png", "c.png"):
        (data / "train" / name).write_bytes(b"no photo")
    with pytest.raises(UserError, match=r"\(1\) .*train .*\(2\) .*test .*found \(1\) 3 not an image; \(2\) 2 empty"):
        catalogue(data)


def test_changes_of_labels_are_told_apart(tmp_path):
    before = catalogue(flat_folder(tmp_path, "image,label\na.png,cat\nb.png,dog\n"))
    data = tmp_path / "photos"
    (data / "train.csv").write_text("image,label\nb.png,cat\nc.png,dog\n")
    assert folder_changes(read_folder(data, INGEST), before) == ["1 new label", "1 label gone", "1 label changed"]


def test_the_order_of_the_disk_changes_nothing(tmp_path, monkeypatch):
    data = flat_folder(tmp_path)
    write_photos(data / "train", ["z/1.png", "z/2.png", "é/1.png", "A/1.png"], 50)
    expected = catalogue(data).write_csv(), folder_state(data, INGEST)
    real, luck = os.scandir, random.Random(0)

    class Shuffled:
        def __init__(self, folder):
            with real(folder) as entries:
                self.entries = sorted(entries, key=lambda _: luck.random())

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(scan.os, "scandir", Shuffled)
    for _ in range(5):
        assert (catalogue(data).write_csv(), folder_state(data, INGEST)) == expected


LOCALES = {
    "C": {"LC_ALL": "C"},
    "ISO-8859-1": {"LC_ALL": "de_DE.ISO-8859-1"},
}
LOOK = """
import json, sys
from pathlib import Path
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.photo_file import can_be_read
from imgsim_assets.vision.scan import on_disk
from imgsim_tests.vision.test_catalogue import catalogue
data = Path(sys.argv[1])
rows = catalogue(data).select("name", "label", "path", "status").rows()
found = [[name, label, status, can_be_read(data / on_disk(path))] for name, label, path, status in rows]
print(json.dumps([sys.getfilesystemencoding(), found]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems decide on the encoding of names themselves")
@pytest.mark.parametrize("name", LOCALES)
def test_names_are_the_bytes_of_the_disk_whatever_the_locale(tmp_path, name):
    if name != "C":
        compile_locale = shutil.which("localedef")
        if compile_locale is None:
            pytest.skip("this system cannot make a locale")
        made = [compile_locale, "-i", "de_DE", "-f", name, str(tmp_path / f"de_DE.{name}")]
        if subprocess.run(made, capture_output=True, check=False).returncode:
            pytest.skip("this system lacks the sources of that locale")
    data = flat_folder(tmp_path, "image,label\ngr\u00f6\u00dfe.png,th\u00e9\n")
    write_photos(data / "train", ["gr\u00f6\u00dfe.png"], 50)
    write_photos(data / "test", ["\u732b/\u00e9.png"], 60)
    switches = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LOCPATH": str(tmp_path)}
    look = [sys.executable, "-c", LOOK, str(data)]
    done = subprocess.run(look, env={**os.environ, **switches, **LOCALES[name]}, capture_output=True, check=True)
    encoding, rows = json.loads(done.stdout)
    assert encoding in {"ascii", "iso8859-1"}, "the locale did not take"
    assert ["gr\u00f6\u00dfe.png", "th\u00e9", "ok", True] in rows
    assert ["\u732b/\u00e9.png", None, "ok", True] in rows
    assert all(readable for *_, readable in rows)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_are_no_text_fit_into_the_table(tmp_path):
    data = flat_folder(tmp_path)
    with open(os.fsencode(data / "test") + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(encoded(picture(0), "PNG"))
    row = catalogue(data).filter(pl.col("status") == "quarantined").row(0, named=True)
    assert (row["name"], row["path"], row["reason"]) == ("caf\\xe9.png", "test/caf\\xe9.png", "unusable name")


def test_names_folders_and_labels_reach_nothing_but_their_own_columns(tmp_path):
    first = flat_folder(tmp_path / "first", "image,label\na.png,cat\n")
    second = flat_folder(tmp_path / "second", "image,label\nb.png,dog\n")
    (second / "test" / "deep").mkdir()
    (second / "test" / "x.png").rename(second / "test" / "deep" / "cat.png")
    own = ["content_id", "bytes", "format", "width", "height", "status", "perceptual_hash"]
    left, right = (catalogue(data).select(own).sort("content_id") for data in (first, second))
    assert left.equals(right)
