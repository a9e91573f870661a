from pathlib import Path

import pytest

from imgsim_assets.errors import ArtefactError, UserError
from imgsim_assets.storage.atomic import NEWBORN_PREFIX
from imgsim_assets.storage.publication import KEPT, publish_folder, published, roll_back
from imgsim_tests.storage.killing import look_while_writers_are_killed
from imgsim_tests.storage.writers import FILES, write_same


def publish(state: Path, text: str) -> Path:
    return publish_folder(state, lambda folder: write_same(folder, text))


def test_the_published_folder_is_the_last_one_and_readers_keep_theirs(tmp_path: Path) -> None:
    first = publish(tmp_path, "one")
    assert published(tmp_path) == first
    assert (tmp_path / "published" / "0.txt").read_text() == "one"
    second = publish(tmp_path, "two")
    assert (tmp_path / "published" / "0.txt").read_text() == "two"
    assert (first / "0.txt").read_text() == "one"
    assert published(tmp_path) == second != first


def test_the_same_content_is_the_same_publication(tmp_path: Path) -> None:
    first = publish(tmp_path, "one")
    written = (first / "0.txt").stat().st_mtime_ns
    assert publish(tmp_path, "one") == first
    assert (first / "0.txt").stat().st_mtime_ns == written
    assert publish(tmp_path / "elsewhere", "one").name == first.name


def test_a_publication_that_was_tampered_with_is_made_whole_again(tmp_path: Path) -> None:
    first = publish(tmp_path, "one")
    (first / "0.txt").write_text("own")
    assert publish(tmp_path, "one") == first
    assert (first / "0.txt").read_text() == "one"


def test_a_failing_build_changes_nothing(tmp_path: Path) -> None:
    first = publish(tmp_path, "one")

    def fail(folder: Path) -> None:
        write_same(folder, "two")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        publish_folder(tmp_path, fail)
    assert published(tmp_path) == first
    assert sorted(path.name for path in (tmp_path / "publications").iterdir()) == [".lock", first.name]


def test_the_last_five_are_kept(tmp_path: Path) -> None:
    made = [publish(tmp_path, str(number)) for number in range(KEPT + 3)]
    again = publish(tmp_path, str(KEPT))
    assert again == made[KEPT]
    assert {path for path in made if path.exists()} == set(made[-KEPT:])


def test_a_moved_state_folder_still_works(tmp_path: Path) -> None:
    publish(tmp_path / "old", "one")
    (tmp_path / "old").rename(tmp_path / "new")
    assert (tmp_path / "new" / "published" / "0.txt").read_text() == "one"


def test_nothing_published_and_something_else_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="found nothing"):
        published(tmp_path)
    (tmp_path / "published").mkdir()
    for use in (lambda: published(tmp_path), lambda: publish(tmp_path, "one")):
        with pytest.raises(ArtefactError, match=r"move .*published away"):
            use()


def test_a_link_into_nothing(tmp_path: Path) -> None:
    (tmp_path / "published").symlink_to(Path("publications", "0" * 32))
    with pytest.raises(ArtefactError, match="which is not there"):
        published(tmp_path)
    publish(tmp_path, "one")
    assert (tmp_path / "published" / "0.txt").read_text() == "one"


@pytest.mark.slow
def test_a_reader_never_sees_half_a_publication_while_publishers_are_killed(tmp_path: Path) -> None:
    publish(tmp_path, "first")
    look_while_writers_are_killed("publish", tmp_path, lambda: check_whole(tmp_path), seed=2)
    last = publish(tmp_path, "last")
    assert published(tmp_path) == last
    found = [path.name for path in [*tmp_path.iterdir(), *last.parent.iterdir()]]
    # A writer killed while it makes its scratch folder leaves a newborn one, which is swept an hour later.
    hidden = [name for name in found if name.startswith(".") and not name.startswith(NEWBORN_PREFIX)]
    assert [name for name in hidden if name != ".lock"] == []


def check_whole(state: Path) -> str:
    folder = published(state)
    try:
        texts = [(folder / f"{file}.txt").read_text() for file in range(FILES)]
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:  # five others were published while we read
        assert published(state) != folder
        return folder.name
    assert len(set(texts)) == 1
    assert len(names) == FILES
    return folder.name


def test_an_earlier_publication_is_gone_back_to_by_the_first_characters_of_its_name(tmp_path: Path) -> None:
    first, second = publish(tmp_path, "one"), publish(tmp_path, "two")
    assert published(tmp_path) == second
    assert roll_back(tmp_path, first.name[:8]) == first
    assert published(tmp_path) == first
    for unknown, found in (("", "0 of"), ("zzz", "0 of")):
        with pytest.raises(UserError, match=f"one publication that begins with '{unknown}'; found {found} "):
            roll_back(tmp_path, unknown)
    (second / "0.txt").write_text("other")
    with pytest.raises(UserError, match=f"the publication {second.name[:8]} as it was published; found files that"):
        roll_back(tmp_path, second.name)
    assert published(tmp_path) == first
