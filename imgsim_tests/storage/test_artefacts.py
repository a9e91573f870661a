import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.artefacts import Artefact, ArtefactStore, Manifest
from imgsim_assets.storage.atomic import NEWBORN_PREFIX
from imgsim_tests.budget import examples
from imgsim_tests.storage.killing import look_while_writers_are_killed
from imgsim_tests.storage.writers import FILES

FOLDER_CONTENT = st.dictionaries(
    st.sampled_from(["a", "b.bin", "deep/c", "deep/er/d"]), st.binary(max_size=40), min_size=1
)


def writing(content: dict[str, bytes]):
    def write(folder: Path) -> None:
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    return write


def read_all(artefact: Artefact) -> dict[str, bytes]:
    return {name: artefact.path(name).read_bytes() for name in artefact.manifest.files}


@settings(max_examples=examples(12))
@given(contents=st.lists(st.tuples(FOLDER_CONTENT, st.integers(0, 2)), min_size=1, max_size=5))
def test_what_was_published_is_found_and_equal_content_is_the_same_version(
    contents: list[tuple[dict[str, bytes], int]],
) -> None:
    versions: dict[str, str] = {}
    with TemporaryDirectory() as root:
        store = ArtefactStore(Path(root))
        for content, fact in contents:
            manifest = store.keep("embeddings/clip", writing(content), {"rows": fact}, {"seconds": time.time()})
            found = store.open("embeddings/clip", verify=True)
            assert found.manifest == manifest
            assert found.manifest.facts == {"rows": fact}
            assert read_all(found) == content
            versions.setdefault(repr((sorted(content.items()), fact)), manifest.version)
            assert versions[repr((sorted(content.items()), fact))] == manifest.version
        assert len(set(versions.values())) == len(versions)
        assert set(store.versions("embeddings/clip")) == set(versions.values())


def test_the_same_content_again_writes_nothing(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    store.keep("thing", writing({"a": b"1"}), {}, {"seconds": 1.0})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    again = store.keep("thing", writing({"a": b"1"}), {}, {"seconds": 2.0})
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    assert before == after
    assert again.notes == {"seconds": 1.0}


def test_an_earlier_version_becomes_current_again(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    first = store.keep("thing", writing({"a": b"1"}), {})
    second = store.keep("thing", writing({"a": b"2"}), {})
    assert read_all(store.open("thing", first.version)) == {"a": b"1"}
    assert store.keep("thing", writing({"a": b"1"}), {}) == first
    assert store.open("thing").manifest == first
    assert store.versions("thing") == [first.version, second.version]


def test_facts_may_be_found_while_writing(tmp_path: Path) -> None:
    facts: dict[str, int] = {}

    def write(folder: Path) -> None:
        (folder / "a").write_bytes(b"123")
        facts["rows"] = 3

    assert ArtefactStore(tmp_path).keep("thing", write, facts).facts == {"rows": 3}


def test_a_failing_writer_changes_nothing(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    first = store.keep("thing", writing({"a": b"1"}), {})

    def fail(folder: Path) -> None:
        (folder / "a").write_bytes(b"half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        store.keep("thing", fail, {})
    assert store.open("thing", verify=True).manifest == first
    assert sorted(path.name for path in (tmp_path / "thing").iterdir()) == sorted(
        [".lock", "manifest.json", first.version]
    )


def test_what_is_not_an_artefact_is_refused(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    with pytest.raises(ArtefactError, match="files of thing"):
        store.keep("thing", lambda _folder: None, {})
    with pytest.raises(ArtefactError, match="files of thing"):
        store.keep("thing", writing({"manifest.json": b"{}"}), {})
    with pytest.raises(ArtefactError, match="link, which is neither"):
        store.keep("thing", lambda folder: (folder / "link").symlink_to("/etc/hosts"), {})
    with pytest.raises(ValueError, match="JSON"):
        store.keep("thing", writing({"a": b""}), {"share": float("nan")})
    with pytest.raises(ArtefactError, match=r"nothing; to mend: run `imgsim sync`, which makes thing"):
        store.open("thing")


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", "A", "a b", "a/" + "f" * 32])
def test_odd_keys_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not an artefact's key"):
        ArtefactStore(tmp_path).open(key)


def shorten(artefact: Artefact) -> None:
    artefact.path("a").write_bytes(b"1")


def remove_file(artefact: Artefact) -> None:
    artefact.path("a").unlink()


def make_folder(artefact: Artefact) -> None:
    artefact.path("a").unlink()
    artefact.path("a").mkdir()


def spoil(artefact: Artefact) -> None:
    artefact.path("a").write_bytes(b"999")


def truncate_manifest(artefact: Artefact) -> None:
    for folder in (artefact.folder, artefact.folder.parent):
        (folder / "manifest.json").write_bytes(b'{"format": 1, "fi')


def forge_facts(artefact: Artefact) -> None:
    for folder in (artefact.folder, artefact.folder.parent):
        plain = json.loads((folder / "manifest.json").read_bytes())
        plain["facts"]["rows"] = 4
        (folder / "manifest.json").write_text(json.dumps(plain))


def other_format(artefact: Artefact) -> None:
    for folder in (artefact.folder, artefact.folder.parent):
        plain = json.loads((folder / "manifest.json").read_bytes())
        (folder / "manifest.json").write_text(json.dumps({**plain, "format": 99}))


def binary_manifest(artefact: Artefact) -> None:
    (artefact.folder.parent / "manifest.json").write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    "damage",
    [shorten, remove_file, make_folder, spoil, truncate_manifest, forge_facts, other_format, binary_manifest],
)
def test_damage_is_found_and_keeping_again_mends_it(tmp_path: Path, damage) -> None:
    store = ArtefactStore(tmp_path)
    content = {"a": b"123", "b": b"4"}
    manifest = store.keep("thing", writing(content), {"rows": 3})
    damage(store.open("thing"))
    with pytest.raises(ArtefactError, match=r"thing.*remove .*thing and run `imgsim sync`"):
        store.open("thing", verify=True)
    assert store.keep("thing", writing(content), {"rows": 3}) == manifest
    assert read_all(store.open("thing", verify=True)) == content


def test_only_the_last_versions_are_kept_and_the_current_one_always(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    assert store.prune("thing", 2) == []
    made = [store.keep("thing", writing({"a": str(number).encode()}), {}).version for number in range(5)]
    store.keep("thing", writing({"a": b"1"}), {})
    assert store.prune("thing", 3) == [made[0], made[2]]
    assert store.versions("thing") == [made[1], made[4], made[3]]
    assert store.prune("thing", 1) == [made[3], made[4]]
    assert read_all(store.open("thing", verify=True)) == {"a": b"1"}
    with pytest.raises(ValueError, match="at least"):
        store.prune("thing", 0)


def test_a_key_inside_another_key_is_left_alone(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    store.keep("a/b", writing({"x": b"inner"}), {})
    for number in range(3):
        store.keep("a", writing({"x": str(number).encode()}), {})
    store.prune("a", 1)
    assert read_all(store.open("a/b")) == {"x": b"inner"}


def test_a_file_that_the_manifest_does_not_name(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    store.keep("thing", writing({"a": b"1"}), {})
    with pytest.raises(ArtefactError, match="a file b in thing; found only a"):
        store.open("thing").path("b")


@given(text=st.binary(max_size=60) | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps).map(str.encode))
def test_anything_else_is_not_a_manifest(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Manifest.from_json(text)


@pytest.mark.slow
def test_writers_killed_at_any_moment_leave_a_whole_artefact(tmp_path: Path) -> None:
    store, manifest = ArtefactStore(tmp_path), tmp_path / "some/thing/manifest.json"
    look_while_writers_are_killed(
        "artefact", tmp_path, lambda: check_whole(store) if manifest.exists() else None, seed=1
    )
    check_whole(store)
    mine = store.keep("some/thing", writing({"mine": b"x"}), {})
    store.prune("some/thing", 1)
    # A writer killed while it makes its scratch folder leaves a newborn one, which is swept an hour later.
    left = {path.name for path in (tmp_path / "some/thing").iterdir() if not path.name.startswith(NEWBORN_PREFIX)}
    assert left == {".lock", "manifest.json", mine.version}


def check_whole(store: ArtefactStore) -> str:
    artefact = store.open("some/thing")
    try:
        content = read_all(artefact)
    except FileNotFoundError:  # pruned since: two versions were published while we read
        assert store.open("some/thing").manifest.version != artefact.manifest.version
        return artefact.manifest.version
    assert len(content) == FILES
    assert {data.decode() for data in content.values()} == {artefact.manifest.facts["text"]}
    return artefact.manifest.version
