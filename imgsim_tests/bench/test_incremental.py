from dataclasses import replace

import pytest

from imgsim_bench import incremental
from imgsim_bench.incremental import SyncTimes, in_markdown, measure_incremental
from imgsim_tests.workplace import Workplace

MEASURED = SyncTimes(1000, 50.0, 40.0, 2.5, 10, 5.0, 2, 20, {"embeddings": 45.0, "clusters": 4.0})
QUICK = dict.fromkeys(("projection", "logistic", "fusion", "expansion", "augmentation", "reciprocal"), "off")


@pytest.mark.slow
def test_new_photos_cost_their_own_vectors(unsynced: Workplace, monkeypatch):
    monkeypatch.setattr(incremental, "CLASSES", 40)
    monkeypatch.setattr(incremental, "IDLE_RUNS", 1)
    settings = unsynced.settings({"steps": QUICK})
    measured = measure_incremental(settings, 200)
    assert measured.added == 2
    assert measured.vectors_a_photo == len(settings.backbones["tiny"].views)
    assert measured.vectors_computed == 2 * measured.vectors_a_photo
    assert {"embeddings", "metric_head", "publication"} <= set(measured.steps)
    assert {"embeddings", "publication"} <= set(measured.steps_of_more)
    assert "metric_head" not in measured.steps_of_more
    assert measured.idle < measured.full
    assert measured.plain > 0
    assert not unsynced.state.exists()


def test_the_table_gives_shares_and_not_only_seconds():
    row = in_markdown([MEASURED]).splitlines()[-1]
    assert row == "| 1,000 | 50 | 2.5 | 5 | 10.0% | 20 | 20 | +25.0% | 2.0% |"


def test_what_was_not_measured_is_not_a_number():
    assert "nan" in in_markdown([replace(MEASURED, plain=float("nan"))])
