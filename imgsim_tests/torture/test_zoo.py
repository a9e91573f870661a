import sys

import pytest

from imgsim_tests.torture.damage import KINDS
from imgsim_tests.torture.looking import damaged_file, look
from imgsim_tests.torture.sound_files import sound_files
from imgsim_tests.torture.zoo import MOST_BYTES, Cage, Keeper, table, visit

A_FEW = 6


def test_every_damaged_file_is_a_photo_or_has_a_reason():
    keeper = Keeper()
    try:
        cages = visit(KINDS, range(A_FEW), 1, keeper)
    finally:
        keeper.end()
    assert len(cages) >= 25
    assert {kind: cage.faults for kind, cage in cages.items() if cage.faults} == {}
    assert all(cage.found.total() == A_FEW for cage in cages.values())
    found = sum((cage.found for cage in cages.values()), start=cages["one bit"].found - cages["one bit"].found)
    assert {"ok", "damaged", "truncated", "not an image", "oversized"} <= found.keys()
    assert table(cages).count("\n") == len(cages) + 2


def test_sound_files_are_photos_whatever_their_suffix(tmp_path):
    for name, content in sound_files().items():
        path = tmp_path / f"{name}.txt"
        path.write_bytes(content)
        seen = look(path)
        assert (seen["found"], seen["faults"]) == ("ok", []), name


def test_the_same_seed_and_number_make_the_same_file():
    for kind in KINDS:
        assert damaged_file(kind, 3, 5) == damaged_file(kind, 3, 5)
    assert damaged_file("noise", 3, 5) != damaged_file("noise", 3, 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "found"), [("import os; os.abort()", "crashed"), ("import time; time.sleep(600)", "hung")]
)
def test_a_process_that_crashes_or_hangs_is_a_fault_and_the_next_is_asked(way, found):
    answer = '{\\"found\\": \\"ok\\", \\"faults\\": [], \\"seconds\\": 0, \\"bytes\\": 0}'
    script = f"""
import sys
for line in sys.stdin:
    if "bad" in line:
        {way}
    print("{answer}", flush=True)
"""
    keeper = Keeper((sys.executable, "-c", script), patience=3.0)
    try:
        assert [keeper.ask(one)["found"] for one in ("good", "bad", "good")] == ["ok", found, "ok"]
        assert keeper.ask("bad")["faults"][0].startswith(found)
    finally:
        keeper.end()


def test_too_much_memory_is_a_fault():
    cage = Cage()
    cage.note(4, {"found": "ok", "faults": [], "seconds": 0.1, "bytes": MOST_BYTES + 1})
    assert cage.faults == [f"file 4: took {MOST_BYTES >> 20} MB"]
