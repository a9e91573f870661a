import datetime as dt
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.errors import ArtefactError, UserError
from imgsim_assets.storage import content_table
from imgsim_assets.storage.content_table import ContentTable, fragment_rows
from imgsim_assets.storage.vector_rows import read_vectors, vector_rows, vector_schema
from imgsim_tests.budget import examples
from imgsim_tests.storage.killing import running_writer
from imgsim_tests.storage.writers import BATCH, DIMENSION

KIND = pa.schema([pa.field("content_id", pa.string(), nullable=False), pa.field("kind", pa.int64())])


def rows(ids: list[str], kinds: list[int | None]) -> pa.Table:
    return pa.table({"content_id": pa.array(ids, pa.string()), "kind": pa.array(kinds, pa.int64())})


def test_a_table_that_was_never_written_is_empty(tmp_path: Path) -> None:
    table = ContentTable(tmp_path / "t", KIND)
    assert table.ids() == frozenset()
    assert table.missing(["b", "a", "b"]) == ["b", "a"]
    assert table.read([]).equals(KIND.empty_table())
    table.compact()
    assert not (tmp_path / "t").exists()


IDS = st.lists(st.sampled_from("abcdefgh"), max_size=6)


@settings(max_examples=examples(30))
@given(batches=st.lists(st.tuples(IDS, st.booleans()), max_size=5), asked=IDS)
def test_a_table_is_a_dictionary_in_which_the_first_value_stays(
    batches: list[tuple[list[str], bool]], asked: list[str]
) -> None:
    oracle: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        table = ContentTable(Path(folder) / "t", KIND)
        for number, (ids, compact) in enumerate(batches):
            kinds = [100 * number + place for place in range(len(ids))]
            table.append(rows(ids, list(kinds)))
            for content_id, kind in zip(ids, kinds, strict=True):
                oracle.setdefault(content_id, kind)
            if compact:
                table.compact(dt.timedelta(0))
        assert table.ids() == oracle.keys()
        assert table.missing(asked) == [key for key in dict.fromkeys(asked) if key not in oracle]
        present = [key for key in asked if key in oracle]
        found = table.read(present)
        assert found.schema.equals(KIND)
        assert found.to_pydict() == {"content_id": present, "kind": [oracle[key] for key in present]}
        assert table.read(present, ["kind"]).to_pydict() == {"kind": [oracle[key] for key in present]}


def test_absent_rows_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    table = ContentTable(tmp_path / "t", KIND)
    with pytest.raises(ArtefactError, match="none for 1 of them, the first x"):
        table.read(["x"])
    table.append(rows(["a"], [1]))
    with pytest.raises(ArtefactError, match=r"none for 2 of them, the first y;.*imgsim sync"):
        table.read(["a", "y", "z", "y"])


@pytest.mark.parametrize(
    "wrong",
    [
        pa.table({"content_id": ["a"]}),
        pa.table({"content_id": ["a"], "kind": ["text"]}),
        pa.table({"kind": [1], "content_id": ["a"]}),
        pa.table({"content_id": pa.array([None], pa.string()), "kind": [1]}),
    ],
    ids=["column absent", "other type", "other order", "null id"],
)
def test_rows_of_another_form_are_refused(tmp_path: Path, wrong: pa.Table) -> None:
    table = ContentTable(tmp_path / "t", KIND)
    with pytest.raises(ArtefactError):
        table.append(wrong)
    assert table.ids() == frozenset()


def test_a_full_disk_does_not_ask_for_anything_to_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lance

    def refuse(*_: object, **__: object) -> None:
        raise OSError("LanceError(IO): No space left on device (os error 28)")

    monkeypatch.setattr(lance, "write_dataset", refuse)
    with pytest.raises(UserError, match=r"expected room on the disk; .* free some space .*: what is done is kept"):
        ContentTable(tmp_path / "t", KIND).append(rows(["a"], [1]))


def test_a_dataset_with_other_columns_is_not_read_as_ours(tmp_path: Path) -> None:
    ContentTable(tmp_path / "t", vector_schema(3)).append(vector_rows(["a"], np.zeros((1, 3), np.float32)))
    other = ContentTable(tmp_path / "t", vector_schema(4))
    for use in (other.ids, other.compact, lambda: other.append(vector_rows(["b"], np.zeros((1, 4), np.float32)))):
        with pytest.raises(ArtefactError, match="remove"):
            use()


@pytest.mark.parametrize("damaged", ["_versions/*.manifest", "data/*.lance"])
@pytest.mark.parametrize("left", [0, 10])
def test_damage_is_an_artefact_error(tmp_path: Path, damaged: str, left: int) -> None:
    table = ContentTable(tmp_path / "t", KIND)
    table.append(rows(["a"], [1]))
    [file] = (tmp_path / "t").glob(damaged)
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ArtefactError, match="imgsim sync"):
        ContentTable(tmp_path / "t", KIND).read(["a"])


@pytest.mark.parametrize("names", [(), ("kind", "other"), ("content_id", "other")])
def test_a_table_without_content_ids_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = f"not .*{names[0]}: int64" if names else "not none"
    with pytest.raises(ValueError, match=rf"the first column of a content table is content_id \(string\), {found}"):
        ContentTable(tmp_path / "t", pa.schema([(name, pa.int64()) for name in names]))


def test_an_id_is_never_null_and_others_where_the_schema_allows_it(tmp_path: Path) -> None:
    loose = pa.schema([("content_id", pa.string()), ("kind", pa.int64())])
    table = ContentTable(tmp_path / "t", loose)
    table.append(rows(["a"], [None]))
    assert table.read(["a"]).column("kind").to_pylist() == [None]
    with pytest.raises(ArtefactError, match="rows without nulls; found nulls in content_id"):
        table.append(pa.table({"content_id": pa.array([None], pa.string()), "kind": pa.array([1], pa.int64())}))


def test_a_stored_table_is_opened_with_its_own_columns(tmp_path: Path) -> None:
    assert ContentTable.stored(tmp_path / "t") is None
    ContentTable(tmp_path / "t", KIND).append(rows(["a"], [3]))
    stored = ContentTable.stored(tmp_path / "t")
    assert stored is not None
    assert stored.schema.equals(KIND)
    assert stored.read(["a"]).column("kind").to_pylist() == [3]


def test_commits_are_merged_now_and_then_and_not_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged: list[int] = []
    monkeypatch.setattr(content_table, "COMPACT_EVERY", 10)
    monkeypatch.setattr(ContentTable, "_compact", lambda _table, _kept: merged.append(number))
    table = ContentTable(tmp_path / "t", KIND)
    for number in range(25):
        table.append(rows([str(number)], [number]))
    assert len(merged) == 2


def test_many_small_commits_are_merged_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_table, "COMPACT_EVERY", 10)
    table = ContentTable(tmp_path / "t", KIND)
    for number in range(25):
        table.append(rows([str(number)], [number]))
    dataset = table._open()
    assert dataset is not None
    assert len(dataset.get_fragments()) < 10
    assert table.read([str(number) for number in range(25)]).column("kind").to_pylist() == list(range(25))


@pytest.mark.parametrize(
    ("schema", "count"),
    [(vector_schema(320), 13_107), (vector_schema(4), 2**20), (vector_schema(8_704), 1024), (KIND, 4096)],
)
def test_a_fragment_is_as_many_rows_as_fill_it(schema: pa.Schema, count: int) -> None:
    assert fragment_rows(schema) == count


def test_a_full_fragment_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_table, "USUAL_ROW_BYTES", content_table.FRAGMENT_BYTES // 1024)
    table = ContentTable(tmp_path / "t", KIND)
    for start in range(0, 4096, 512):
        numbers = range(start, start + 512)
        table.append(rows([str(number) for number in numbers], list(numbers)))
    table.compact(dt.timedelta(0))
    before = {path.name for path in (tmp_path / "t" / "data").iterdir()}
    table.append(rows(["later"], [0]))
    table.append(rows(["last"], [0]))
    table.compact(dt.timedelta(0))
    after = {path.name for path in (tmp_path / "t" / "data").iterdir()}
    assert len(before) == 4
    assert before < after
    assert len(after) == 5


def test_a_reader_goes_on_while_the_table_is_compacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_table, "READ_ROWS", 2)
    table = ContentTable(tmp_path / "t", KIND)
    for number in range(6):
        table.append(rows([str(number)], [number]))
    pieces = table.read_pieces([str(number) for number in range(6)])
    found = next(pieces).column("kind").to_pylist()
    table.compact()
    table.append(rows(["later"], [9]))
    assert found + [kind for piece in pieces for kind in piece.column("kind").to_pylist()] == list(range(6))


def test_compacting_with_no_time_kept_leaves_one_version(tmp_path: Path) -> None:
    table = ContentTable(tmp_path / "t", KIND)
    for number in range(5):
        table.append(rows([str(number)], [number]))
    table.compact(dt.timedelta(0))
    assert len(list((tmp_path / "t").glob("_versions/*.manifest"))) == 1
    assert len(list((tmp_path / "t").glob("data/*"))) == 1


def test_writers_of_the_same_ids_at_the_same_moment_store_each_once(tmp_path: Path) -> None:
    writers, turns = 4, 15
    together = threading.Barrier(writers)

    def write(writer: int) -> None:
        table = ContentTable(tmp_path / "t", KIND)
        for turn in range(turns):
            together.wait(timeout=60)
            table.append(rows([f"shared-{turn}", f"{writer}-{turn}"], [turn, turn]))

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    table = ContentTable(tmp_path / "t", KIND)
    dataset = table._open()
    assert dataset is not None
    assert dataset.count_rows() == len(table.ids()) == turns * (writers + 1)


def check_only_whole_commits(table: ContentTable) -> int:
    """Every batch is there with all its rows, each once, with the values that it was written with."""
    dataset = table._open()
    if dataset is None:
        return 0
    ids = dataset.to_table(columns=["content_id"]).column("content_id").to_pylist()
    assert max(Counter(ids).values()) == 1
    batches = Counter(content_id.rpartition("-")[0] for content_id in ids)
    assert set(batches.values()) <= {BATCH}
    expected = np.repeat(np.array([[int(key.split("-")[1])] for key in ids], np.float32), DIMENSION, axis=1)
    np.testing.assert_array_equal(read_vectors(table, ids), expected)
    return len(batches)


@pytest.mark.slow
def test_two_writers_killed_at_any_moment_leave_whole_commits_only(tmp_path: Path) -> None:
    table = ContentTable(tmp_path / "t", vector_schema(DIMENSION))
    chance = random.Random(0)
    seen = 0
    for _round in range(5):
        with (
            running_writer("append", tmp_path / "t", "one") as first,
            running_writer("append", tmp_path / "t", "two"),
        ):
            time.sleep(chance.uniform(0, 0.4))
            check_only_whole_commits(table)
            first.kill()
            first.wait()
            before = check_only_whole_commits(table)
            while check_only_whole_commits(table) == before:  # the other one is not held up by the dead one's lock
                time.sleep(0.01)
            first.poll = lambda: None  # its end is known here
        now = check_only_whole_commits(table)
        assert now > seen
        seen = now
        table.append(vector_rows([f"mine-{seen}-{place}" for place in range(BATCH)], np.full((BATCH, DIMENSION), seen)))
    table.compact(dt.timedelta(0))
    assert check_only_whole_commits(table) == seen + 1
