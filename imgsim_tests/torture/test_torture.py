"""The small version of `make torture`: a few kills and a few damaged files, by chance that is always the same."""

import random
from pathlib import Path

import pytest

from imgsim_tests.torture.ground import Ground, told_badly
from imgsim_tests.torture.kills import try_kills
from imgsim_tests.torture.places import peak_megabytes
from imgsim_tests.torture.state_damage import kinds_of_files, try_damages
from imgsim_tests.torture.tally import Tally
from imgsim_tests.workplace import Done, Workplace


def test_a_table_says_what_held_and_what_did_not():
    tally = Tally()
    tally.note("killed", [])
    assert tally.held
    tally.note("killed", ["a | b", "c"])
    assert not tally.held
    assert tally.table().splitlines()[-1] == "| killed | 2 | 1 | 1 | a \\| b; c |"


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (Done(0, "fine", ""), []),
        (Done(2, "", "expected a; found b; to mend: c"), []),
        (Done(1, "", "no"), ["sync ended with 1 and does not say how to mend it: no"]),
        (Done(-11, "", ""), ["sync died (-11): "]),
        (Done(139, "", ""), ["sync died (139): "]),
        (Done(1, "", "Traceback\nto mend: x"), ["sync shows a traceback: to mend: x"]),
    ],
)
def test_what_is_told_badly_is_seen(done: Done, told: list[str]):
    assert list(told_badly("sync", done, may_fail=True)) == told


def test_files_are_of_a_kind_whatever_they_are_called(tmp_path: Path):
    for name in ("a/0123456789ab/table.parquet", "a/ba9876543210/table.parquet", "b/file-1.bin", "b/file-22.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(kinds_of_files(tmp_path)) == ["a/*/table.parquet", "b/file-#.bin"]


@pytest.mark.slow
def test_a_few_of_them_hold(tmp_path: Path, small_workplace_once: Path, synced_once: Workplace):
    ground = Ground(tmp_path, Workplace(small_workplace_once), synced_once, grown=synced_once)
    tally = Tally()
    damages = [("artefacts/canny_maps/*/table.parquet", "flipped"), ("history/runs.db", "emptied")]
    kills = ("killed: a first sync", "killed: a publication")
    told = [
        *try_kills(ground, tally, len(kills), random.Random(20), kills),
        *try_damages(ground, tally, damages),
    ]
    assert tally.held, "\n".join(told)
    assert [one.times for one in tally.situations.values()] == [1, 1, 1, 1]
    assert peak_megabytes() > 50
