"""What `make mutants` changes, and what it says of a change that a test notices and of one that none does."""

from pathlib import Path

import pytest

from imgsim_tests.mutants import Ground, choose, mirror_of, mutants_of

MODULE = "imgsim_assets/shop.py"
CODE = """from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    value: int | None


def total(price: int, *, shipping: int | float) -> int | float:
    return price + shipping


def is_dear(price: int) -> bool:
    return price > 100
"""
TESTS = """from imgsim_assets.shop import is_dear, total

def test_shipping_is_added():
    assert total(2, shipping=3) == 5

def test_what_is_dear():
    assert is_dear(200) and not is_dear(50)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for place, text in ((MODULE, CODE), ("imgsim_tests/test_shop.py", TESTS)):
        folder = (tmp_path / place).parent
        folder.mkdir()
        (folder / "__init__.py").touch()
        (tmp_path / place).write_text(text)
    return tmp_path


def test_what_is_computed_is_changed_and_types_and_signatures_are_not(shop):
    assert [(mutant.line, mutant.operator.rpartition("_")[2]) for mutant in mutants_of(shop, MODULE)] == [
        (14, "NumberReplacer"),
        (14, "NumberReplacer"),
        (10, "Sub"),
        (14, "GtE"),
        (14, "LtE"),
    ]


@pytest.mark.slow
def test_a_change_that_no_test_notices_survives_with_its_line(shop):
    ground = Ground(shop)
    dearer, _, subtracted, *_ = mutants_of(shop, MODULE)
    assert ground.survives(dearer) == "return price > 101"
    assert ground.survives(subtracted) is None
    assert (shop / MODULE).read_text() == CODE


@pytest.mark.slow
def test_without_a_test_that_passes_all_survive(shop):
    test = shop / mirror_of(shop, MODULE)[0]
    test.write_text("def test_shop():\n    assert False\n")
    added = mutants_of(shop, MODULE)[2]
    assert Ground(shop).survives(added) == "return price - shipping"
    test.unlink()
    assert mirror_of(shop, MODULE) == []
    assert Ground(shop).survives(added) == "return price - shipping"


def test_the_seed_decides_the_order(shop):
    orders = [list(choose(shop, ["shop.py"], seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert set(orders[0]) == set(orders[2]) == {("shop.py", mutant) for mutant in mutants_of(shop, MODULE)}
