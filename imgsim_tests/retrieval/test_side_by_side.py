"""Parts side by side: the same bytes as one after the other, and no library takes more threads than one meanwhile."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from imgsim_assets.retrieval import side_by_side as module
from imgsim_assets.retrieval.glrt import fit_glrt
from imgsim_assets.retrieval.side_by_side import side_by_side


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(module, "threads_given", lambda: request.param)
    return request.param


def test_the_same_bytes_in_the_same_order(threads):
    random = np.random.default_rng(0)
    parts = [(random.normal(size=(300, 64)), np.arange(300) % (5 + number)) for number in range(7)]

    def fit(part):
        return fit_glrt(*part, shrinkage=0.3).projection.tobytes()

    assert list(side_by_side(fit, parts)) == [fit(part) for part in parts]


def test_as_many_at_once_as_there_are_threads_each_on_one(threads):
    together = threading.Barrier(threads, timeout=60)

    def part(_):
        together.wait()
        inner = list(side_by_side(lambda _: threading.get_ident(), range(3)))
        sizes = {pool["num_threads"] for pool in threadpool_info()}
        together.wait()
        return threading.get_ident(), set(inner), sizes

    found = list(side_by_side(part, range(threads)))
    assert len({ident for ident, _, _ in found}) == threads
    assert all(inner == {ident} for ident, inner, _ in found)
    assert all(sizes == {1} for _, _, sizes in found)


def test_what_fails_is_raised_and_what_has_not_begun_is_left(threads):
    before, begun = [pool["num_threads"] for pool in threadpool_info()], []

    def part(number):
        begun.append(number)
        if number == 1:
            raise ValueError("part 1")
        time.sleep(0.02)
        return number

    parts = side_by_side(part, range(50))
    assert next(parts) == 0
    with pytest.raises(ValueError, match="part 1"):
        list(parts)
    assert len(begun) < 50
    assert [pool["num_threads"] for pool in threadpool_info()] == before
