import numpy as np
import polars as pl
import pytest

from imgsim_assets.vision.drawing.sample import draw_sample_photo
from imgsim_bench.floors import FLOORS
from imgsim_bench.members import JOINED, in_markdown, measure_members, tabulate
from imgsim_tests.workplace import Workplace


@pytest.mark.parametrize("name", FLOORS)
def test_a_floor_is_nearer_to_the_same_photo_in_other_light(name: str):
    mug, fish, castle = (draw_sample_photo(label, 0, seed=3) for label in ("mug", "fish", "castle"))
    darker = np.rint(mug * 0.8).astype(np.uint8)
    vectors = [FLOORS[name](photo) for photo in (mug, darker, fish, castle)]
    alike = [one @ vectors[0] / np.linalg.norm(one) / np.linalg.norm(vectors[0]) for one in vectors]
    assert alike[0] == pytest.approx(1)
    assert alike[1] > max(alike[2:])


def test_gains_are_paired_with_the_best_floor_and_the_best_member():
    floors = {"low": np.array([0.1, 0.1, np.nan]), "high": np.array([0.2, 0.4, np.nan])}
    members = {"one": np.array([0.3, 0.5, np.nan]), "two": np.array([0.6, 0.6, np.nan])}
    rows = {row["member"]: row for row in tabulate(floors, members, np.array([0.7, 0.9, np.nan])).to_dicts()}
    assert rows["one"]["gain"] == pytest.approx(0.1)
    assert rows["two"]["gain"] == pytest.approx(0.3)
    assert rows[JOINED]["gain"] == pytest.approx(0.2)
    assert rows["low"]["gain"] is None
    assert next(iter(rows)) == JOINED


def test_every_member_of_a_synced_folder_is_measured(synced_once: Workplace):
    settings = synced_once.settings()
    table = measure_members(settings)
    assert set(table["member"]) == {*FLOORS, *settings.backbones, JOINED}
    assert table.filter((pl.col("map_at_10") < 0) | (pl.col("map_at_10") > 1)).is_empty()
    assert in_markdown(table).count("\n| ") == table.height
