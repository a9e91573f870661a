"""Photos come out as vectors in order, read neither too far ahead nor one by one."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgsim_assets.errors import ModelError
from imgsim_assets.vision import embedding
from imgsim_assets.vision.embedding import BATCHES_AHEAD, BATCHES_GIVEN, Pace, embed_photos
from imgsim_assets.vision.framing import PhotoSource
from imgsim_tests.budget import examples
from imgsim_tests.vision.colours import Colours, colour, lanes_of, oracle, photo, run, unreadable


@given(
    count=st.integers(0, 40),
    broken=st.sets(st.integers(0, 39)),
    batch_size=st.integers(1, 9),
    workers=st.integers(1, 4),
)
@settings(max_examples=examples(60))
def test_every_photo_comes_out_once_and_in_order(count, broken, batch_size, workers):
    photos = [unreadable(i, OSError("gone")) if i in broken else photo(i) for i in range(count)]
    batches = run(photos, Colours(batch_size), workers)

    good = [index for index in range(count) if index not in broken]
    assert [name for batch in batches for name in batch.content_ids] == [f"{index:032x}" for index in good]
    failed = [name for batch in batches for name in batch.failures]
    assert failed == [f"{index:032x}" for index in sorted(broken) if index < count]
    if good:
        vectors = np.concatenate([batch.vectors for batch in batches])
        np.testing.assert_allclose(vectors, oracle(good), atol=1e-6)
    for batch in batches:
        assert batch.vectors.shape == (len(batch.content_ids), 3)
        assert batch.vectors.dtype == np.float32
        assert len(batch.content_ids) + len(batch.failures) <= batch_size


@pytest.mark.parametrize(
    "error",
    [
        OSError("truncated"),
        ValueError("bad"),
        SyntaxError("broken PNG"),
        IndexError(),
        Image.DecompressionBombError("big"),
    ],
)
def test_a_broken_photo_is_a_failure_with_its_reason(error):
    (batch,) = run([photo(0), unreadable(1, error), photo(2)])
    assert batch.content_ids == (f"{0:032x}", f"{2:032x}")
    assert batch.failures == {f"{1:032x}": f"{type(error).__name__}: {error}"}


def test_an_error_of_the_model_is_not_taken_for_a_broken_photo():
    with pytest.raises(ModelError):
        run([photo(0), unreadable(1, ModelError("a model", "none", "get one"))])


def test_photos_are_not_read_far_ahead_of_the_computation():
    opened = []

    def source(index: int) -> PhotoSource:
        def open_photo():
            opened.append(index)
            return Image.new("RGB", (4, 4), colour(index))

        return PhotoSource(f"{index:032x}", open_photo)

    batches = embed_photos([source(i) for i in range(200)], lanes_of(), workers=3)
    for done in range(1, 6):
        next(batches)
        time.sleep(0.05)
        assert len(opened) <= 4 * (done + BATCHES_AHEAD + BATCHES_GIVEN - 1)
    assert len(opened) >= 5 * 4
    batches.close()


def test_stopping_early_stops_the_reading():
    opened = []
    names_before = {thread.name for thread in threading.enumerate()}

    def source(index: int) -> PhotoSource:
        return PhotoSource(f"{index:032x}", lambda: opened.append(index) or Image.new("RGB", (4, 4), colour(index)))

    batches = embed_photos([source(i) for i in range(500)], lanes_of(Colours(2)), workers=2)
    next(batches)
    batches.close()
    so_far = len(opened)
    time.sleep(0.1)
    assert len(opened) == so_far < 500
    assert {thread.name for thread in threading.enumerate()} <= names_before


def test_reading_goes_on_in_several_threads():
    """Two photos that each wait for the other to be opened can only be read at the same time."""
    meeting = threading.Barrier(2, timeout=20)

    def open_photo():
        meeting.wait()
        return Image.new("RGB", (4, 4), (9, 9, 9))

    (batch,) = run([PhotoSource("a", open_photo), PhotoSource("b", open_photo)], workers=2)
    assert batch.content_ids == ("a", "b")


def test_it_is_told_where_the_time_went(monkeypatch):
    """By clocks that only rise by what is done: one of the thread that computes, and one of all others."""
    now = {"computing": 0.0, "waiting": 0.0}

    def clock():
        return now["computing" if threading.current_thread().name.startswith("imgsim-compute") else "waiting"]

    class Slow(Colours):
        def embed(self, batch):
            now["computing"] += 0.25
            return super().embed(batch)

    def slowly():
        for _ in range(8):
            now["waiting"] += 0.5
            yield []

    monkeypatch.setattr(embedding, "perf_counter", clock)
    pace = Pace()
    assert str(pace) == ""
    list(embed_photos([photo(i) for i in range(8)], lanes_of(Slow()), workers=1, pace=pace))
    assert (pace.photos, pace.computing, pace.waiting) == (8, 0.5, 0.0)
    assert str(pace) == "100% computing, 0% decoding"
    monkeypatch.setattr(embedding, "frame_ahead", lambda *_, **__: slowly())
    list(embed_photos([], lanes_of(), workers=1, pace=pace))
    assert (pace.photos, pace.computing, pace.waiting) == (16, 0.5, 4.0)
    assert str(pace) == "11% computing, 89% decoding"
