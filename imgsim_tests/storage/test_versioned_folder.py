"""Folders named by what they hold."""

import os
from pathlib import Path

import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.versioned_folder import describe, prune, remove, settle, touch, version_of


def build(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def test_files_are_described_by_relative_name_size_and_content(tmp_path: Path):
    build(tmp_path / "a" / "deep", file="one")
    (tmp_path / "a" / "top").write_text("three")
    found = describe(tmp_path / "a")
    assert {name: record.bytes for name, record in found.items()} == {"deep/file": 3, "top": 5}
    assert describe(tmp_path / "a", lambda path: path.name)["deep/file"].digest == "file"


@pytest.mark.parametrize("odd", ["link to a file", "link to nothing", "pipe"])
def test_what_would_not_move_with_it_is_refused(tmp_path: Path, odd: str):
    folder = build(tmp_path / "a", file="one")
    if odd == "pipe":
        os.mkfifo(folder / "odd")
    else:
        (folder / "odd").symlink_to("file" if odd == "link to a file" else "nowhere")
    with pytest.raises(ArtefactError, match=f"only files and folders in {folder}; found odd, which is neither"):
        describe(folder)


def test_a_version_is_named_by_names_contents_and_facts(tmp_path: Path):
    one = describe(build(tmp_path / "one", a="1", b="2"))
    versions = {
        version_of(one, {}),
        version_of(one, {"x": 1}),
        version_of(describe(build(tmp_path / "two", a="2", b="1")), {}),
        version_of(describe(build(tmp_path / "three", a="1", c="2")), {}),
    }
    assert len(versions) == 4
    assert version_of(dict(reversed(one.items())), {"y": 2, "x": 1}) == version_of(one, {"x": 1, "y": 2})


def test_the_same_content_stays_and_a_damaged_one_gives_way(tmp_path: Path):
    target = tmp_path / "target"
    assert settle(build(tmp_path / "one", a="1"), target)
    written = (target / "a").stat().st_ino
    assert not settle(build(tmp_path / "two", a="1"), target)
    assert (target / "a").stat().st_ino == written
    (target / "a").write_text("damaged")
    assert settle(build(tmp_path / "three", a="1"), target)
    assert (target / "a").read_text() == "1"


def test_the_versions_touched_last_are_kept_and_the_current_one_always(tmp_path: Path):
    names = [f"{number:032x}" for number in range(5)]
    for age, name in enumerate(names):
        build(tmp_path / name)
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    build(tmp_path / "other")
    touch(tmp_path / names[1])
    assert prune(tmp_path, 3, current=names[0]) == [names[2], names[3]]
    assert {path.name for path in tmp_path.iterdir()} == {names[0], names[1], names[4], "other"}
    assert prune(tmp_path, 1, current=names[0]) == [names[4], names[1]]
    assert prune(tmp_path, 1, current=names[0]) == []
    with pytest.raises(ValueError, match="at least the current version"):
        prune(tmp_path, 0, current=names[0])


def test_a_folder_is_taken_away_with_all_that_is_in_it(tmp_path: Path):
    remove(build(tmp_path / "a" / "b", file="one").parent)
    assert list(tmp_path.iterdir()) == []
