"""Never a wrong vector: what is damaged is dropped, the rest stays, and what was dropped can be appended again."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.storage import ledger as ledgers
from imgsim_assets.storage.content_damage import is_sound, mend
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.storage.ledger import Ledger
from imgsim_assets.storage.vector_rows import read_vectors, vector_rows, vector_schema

BATCH, BATCHES, DIMENSION = 40, 3, 6
IDS = [f"{row:032x}" for row in range(BATCH * BATCHES)]
VECTORS = np.random.default_rng(3).standard_normal((len(IDS), DIMENSION)).astype(np.float32)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(ledgers, "GRAIN", -(10**12))  # files of this moment are remembered too
    return Ledger(tmp_path)


@pytest.fixture
def table(tmp_path: Path, ledger: Ledger) -> ContentTable:
    """Three commits, looked at once."""
    made = ContentTable(tmp_path / "content" / "t", vector_schema(DIMENSION))
    for start in range(0, len(IDS), BATCH):
        made.append(vector_rows(IDS[start : start + BATCH], VECTORS[start : start + BATCH]))
    assert is_sound(made.folder, ledger)
    return made


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def take_away(path: Path) -> None:
    path.unlink()


def check(table: ContentTable, ledger: Ledger, least: int) -> None:
    """Mend it: what is left is right, and is as much as it must be; the rest can be appended again."""
    assert not is_sound(table.folder, ledger)
    mend(table.folder, ledger)
    assert is_sound(table.folder, ledger)
    missing = set(table.missing(IDS))
    left = [row for row, one in enumerate(IDS) if one not in missing]
    assert len(left) >= least
    np.testing.assert_array_equal(read_vectors(table, [IDS[row] for row in left]), VECTORS[left])
    table.append(vector_rows(IDS, VECTORS))
    np.testing.assert_array_equal(read_vectors(table, IDS), VECTORS)
    assert is_sound(table.folder, ledger)


@pytest.mark.parametrize("damage", [flip, cut, empty, take_away])
@pytest.mark.parametrize("number", range(BATCHES))
def test_rows_of_a_damaged_data_file_alone_are_dropped(
    table: ContentTable, ledger: Ledger, number: int, damage: Callable[[Path], None]
):
    damage(sorted(table.folder.glob("data/*"))[number])
    check(table, ledger, least=BATCH * (BATCHES - 1))


@pytest.mark.parametrize("damage", [flip, cut, empty])
def test_a_damaged_newest_version_costs_the_rows_of_its_commit(
    table: ContentTable, ledger: Ledger, damage: Callable[[Path], None]
):
    damage(min(table.folder.glob("_versions/*.manifest"), key=lambda path: path.name))
    check(table, ledger, least=BATCH * (BATCHES - 1))


@pytest.mark.parametrize("damage", [flip, cut, empty])
def test_all_versions_damaged(table: ContentTable, ledger: Ledger, damage: Callable[[Path], None]):
    for path in table.folder.glob("_versions/*"):
        damage(path)
    check(table, ledger, least=0)


def test_all_data_gone(table: ContentTable, ledger: Ledger):
    shutil.rmtree(table.folder / "data")
    check(table, ledger, least=0)


def test_damage_that_came_before_anybody_looked_is_found_where_it_cannot_be_read(table: ContentTable, tmp_path: Path):
    cut(sorted(table.folder.glob("data/*"))[1])
    check(table, Ledger(tmp_path), least=BATCH * (BATCHES - 1))


def test_what_grows_is_compacted_or_takes_the_place_of_another_is_no_damage(table: ContentTable, ledger: Ledger):
    table.append(vector_rows(["more"], np.ones((1, DIMENSION), np.float32)))
    assert is_sound(table.folder, ledger)
    table.compact(dt.timedelta(0))
    assert is_sound(table.folder, ledger)
    shutil.rmtree(table.folder)
    assert is_sound(table.folder, ledger)
    table.append(vector_rows(IDS, VECTORS))
    assert is_sound(table.folder, ledger)
    assert is_sound(table.folder.with_name("never written"), ledger)
