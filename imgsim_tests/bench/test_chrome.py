import json

import numpy as np
import pytest

from imgsim_bench.chrome import in_markdown, measure_chrome
from imgsim_bench.graphics import GRAPHICS
from imgsim_bench.site import CHROME
from imgsim_tests.workplace import Workplace

PHOTO = np.random.default_rng(5).integers(60, 200, (90, 120, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", CHROME)
def test_chrome_lies_around_or_thinly_over_the_photo(kind):
    before = PHOTO.copy()
    for seed in range(8):
        drawn = CHROME[kind](PHOTO, np.random.default_rng(seed))
        assert drawn.shape != PHOTO.shape or kind == "watermark"
        assert not np.array_equal(drawn, PHOTO)
        assert np.array_equal(drawn, CHROME[kind](PHOTO, np.random.default_rng(seed)))
    assert np.array_equal(PHOTO, before)


def test_every_kind_is_asked_for(synced_once: Workplace):
    answers = measure_chrome(synced_once.settings(), 4, 0)
    assert [one.kind for one in answers] == list(CHROME)
    assert {one.stayed.queries for one in answers} == {4}
    assert all(0 <= one.stayed.low <= one.stayed.value <= one.stayed.high <= 10 for one in answers)
    assert all(one.lost is not None and -1 <= one.lost.value <= 1 for one in answers)
    assert in_markdown(answers).count("\n| ") == len(CHROME)


def test_chrome_that_is_cut_off_changes_less_than_chrome_that_is_not(synced: Workplace):
    """The same photos, gallery and network; only the trimming differs."""
    stay = []
    for trim in (True, False):
        overrides = {"ingest": {"trim": trim}}
        synced.sync(overrides)
        answers = {one.kind: one.stayed.value for one in measure_chrome(synced.settings(overrides), 12, 0)}
        stay.append(np.mean([answers[kind] for kind in ("border", "letterbox bars", "caption")]))
    assert stay[0] > stay[1]


def test_without_hidden_labels_the_lists_are_compared_all_the_same(synced: Workplace):
    (synced.photos / "solution.csv").unlink()
    synced.sync()
    answers = measure_chrome(synced.settings(), 3, 0)
    assert {one.lost for one in answers} == {None}
    assert "no labels" in in_markdown(answers)


def test_the_command_prints_it(synced_once: Workplace):
    done = synced_once.run(
        "bench", "chrome", "--photos", "2", "--drawn", "1", "--json", "--config", str(synced_once.config)
    )
    assert done.status == 0, done.err
    tables = json.loads(done.out)
    assert {one["kind"] for one in tables["chrome"]} == set(CHROME)
    assert {one["kind"] for one in tables["losses"]} == set(GRAPHICS)
