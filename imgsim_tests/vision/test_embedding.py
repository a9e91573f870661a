import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgsim_assets.errors import ModelError
from imgsim_assets.vision import embedding
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.embedding import BATCHES_AHEAD, BATCHES_GIVEN, Lane, Pace, embed_photos
from imgsim_assets.vision.framing import PhotoSource
from imgsim_tests.budget import examples


class Colours:
    """A model whose vector of an evenly coloured photo is its colour, and that remembers its batches."""

    dimension = 3
    framing = SquareFraming(4)
    device = "cpu"
    runs_as = "numpy"

    def __init__(self, batch_size: int = 4):
        self.batch_size = batch_size
        self.batches: list[int] = []

    def embed(self, batch):
        self.batches.append(len(batch))
        return batch.mean(axis=(1, 2))


def colour(index: int) -> tuple[int, int, int]:
    return 1 + index % 200, 1 + index // 200, 7


def photo(index: int) -> PhotoSource:
    return PhotoSource(f"{index:032x}", lambda: Image.new("RGB", (4, 4), colour(index)))


def unreadable(index: int, error: Exception) -> PhotoSource:
    def fail():
        raise error

    return PhotoSource(f"{index:032x}", fail)


def lanes_of(model=None):
    return [Lane("only", model or Colours(), Colours.framing)]


def run(photos, model=None, workers=2):
    return [batch for _, batch in embed_photos(photos, lanes_of(model), workers=workers)]


def oracle(indices):
    vectors = np.array([colour(index) for index in indices], dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


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


@pytest.mark.parametrize(
    ("value", "reason"), [(0.0, "zero"), (float("nan"), "not finite"), (float("inf"), "not finite")]
)
def test_vectors_without_direction_are_failures(value, reason):
    class Degenerate(Colours):
        def embed(self, batch):
            vectors = super().embed(batch)
            vectors[1] = value
            return vectors

    (batch,) = run([photo(0), photo(1), photo(2)], Degenerate())
    assert batch.content_ids == (f"{0:032x}", f"{2:032x}")
    np.testing.assert_allclose(batch.vectors, oracle([0, 2]), atol=1e-6)
    assert list(batch.failures) == [f"{1:032x}"]
    assert reason in batch.failures[f"{1:032x}"]


def test_a_model_that_breaks_its_promise_is_named():
    class Wrong(Colours):
        dimension = 5

    with pytest.raises(ModelError, match=r"\(2, 5\)"):
        run([photo(0), photo(1)], Wrong())


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


def test_the_model_gets_full_batches():
    model = Colours()
    run([photo(i) for i in range(10)], model)
    assert model.batches == [4, 4, 2]


class Small(Colours):
    """A model whose device has room for three photos at once."""

    room = 3

    def embed(self, batch):
        if len(batch) > self.room:
            raise MemoryError(f"{len(batch)} photos")
        return super().embed(batch)


def test_a_full_memory_halves_the_batch_and_loses_nothing(caplog):
    model = Small(8)
    batches = run([photo(i) for i in range(20)], model)
    assert [len(batch.content_ids) for batch in batches] == [8, 8, 4]
    np.testing.assert_allclose(np.concatenate([batch.vectors for batch in batches]), oracle(range(20)), atol=1e-6)
    assert model.batches == [2] * 10
    assert [record.getMessage() for record in caplog.records] == [
        "8 photos at once do not fit the memory; going on with 4",
        "4 photos at once do not fit the memory; going on with 2",
    ]


def test_a_memory_without_room_for_one_photo_is_an_error():
    model = Small(4)
    model.room = 0
    with pytest.raises(MemoryError, match="1 photos"):
        run([photo(0), photo(1)], model)


class Failing(Colours):
    """A model that fails from its third batch on."""

    def embed(self, batch):
        if len(self.batches) == 2:
            raise AttributeError("'NoneType' object has no attribute 'shape'\nat some place")
        return super().embed(batch)


def test_a_model_that_fails_does_not_stop_the_others():
    photos = [photo(index) for index in range(30)]
    lanes = [Lane("good", Colours(), Colours.framing), Lane("bad", Failing(), Colours.framing)]
    broken = {}
    batches = list(embed_photos(photos, lanes, workers=2, broken=broken))
    assert broken.keys() == {"bad"}
    assert isinstance(broken["bad"], ModelError)
    assert broken["bad"].found == "AttributeError: 'NoneType' object has no attribute 'shape' at some place"
    vectors = np.concatenate([batch.vectors for name, batch in batches if name == "good"])
    np.testing.assert_allclose(vectors, oracle(range(30)), atol=1e-6)
    assert sum(len(batch.content_ids) for name, batch in batches if name == "bad") == 8
    with pytest.raises(AttributeError):
        list(embed_photos(photos, lanes[1:], workers=2))


def test_photos_are_not_read_for_models_that_have_all_failed():
    opened = []

    def source(index: int) -> PhotoSource:
        return PhotoSource(f"{index:032x}", lambda: opened.append(index) or Image.new("RGB", (4, 4), colour(index)))

    broken = {}
    list(embed_photos([source(index) for index in range(500)], lanes_of(Failing()), workers=1, broken=broken))
    assert broken.keys() == {"only"}
    assert len(opened) < 100


def test_what_a_lane_looks_at_ends_it():
    def look(framed, vectors):
        assert framed.shape[1:] == (4, 4, 3)
        np.testing.assert_allclose(vectors, framed.mean(axis=(1, 2)))
        raise ModelError("others", "these", "mend")

    broken = {}
    lanes = [Lane("watched", Colours(), Colours.framing, look), Lane("good", Colours(), Colours.framing)]
    batches = list(embed_photos([photo(index) for index in range(9)], lanes, workers=1, broken=broken))
    assert {name for name, _ in batches} == {"good"}
    assert broken["watched"].found == "these"


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


@given(
    wanted=st.lists(st.sets(st.integers(0, 19)), min_size=1, max_size=4),
    broken=st.sets(st.integers(0, 19)),
    batch_size=st.integers(1, 7),
)
@settings(max_examples=examples(40))
def test_all_lanes_share_one_decoding_and_each_gets_what_it_wants(wanted, broken, batch_size):
    """Lane by lane the same as a pass of its own; a photo is opened once, whoever wants it."""
    opened = []

    framed = []

    def source(index: int, wanted_by=None) -> PhotoSource:
        def open_photo():
            opened.append(index)
            if index in broken:
                raise OSError("gone")
            return Image.new("RGB", (4, 4), colour(index))

        return PhotoSource(f"{index:032x}", open_photo, wanted_by)

    def plain(image):
        framed.append("plain")
        return Colours.framing(image)

    def darker(image):
        framed.append("darker")
        return Colours.framing(image.point(lambda value: value // 2))

    frames = [plain, darker, plain, darker]
    lanes = [Lane(str(number), Colours(batch_size), frames[number]) for number in range(len(wanted))]
    asked = sorted(set().union(*wanted))
    found: dict[str, list] = {lane.name: [] for lane in lanes}
    wanting = {i: frozenset(str(number) for number, indices in enumerate(wanted) if i in indices) for i in asked}
    for name, batch in embed_photos([source(i, wanting[i]) for i in asked], lanes, workers=2):
        found[name].append(batch)
    assert sorted(opened) == asked
    shown = [(i, frames[int(name)]) for i in asked if i not in broken for name in wanting[i]]
    assert len(framed) == len(set(shown))
    for lane, indices in zip(lanes, wanted, strict=True):
        alone = [batch for _, batch in embed_photos([source(i) for i in sorted(indices)], [lane], workers=1)]
        assert [batch.content_ids for batch in found[lane.name]] == [batch.content_ids for batch in alone]
        assert [batch.failures for batch in found[lane.name]] == [batch.failures for batch in alone]
        for one, other in zip(found[lane.name], alone, strict=True):
            np.testing.assert_array_equal(one.vectors, other.vectors)


def test_a_view_that_cannot_be_made_fails_in_its_lane_only():
    def impossible(_image):
        raise ValueError("no such view")

    lanes = [Lane("good", Colours(), Colours.framing), Lane("bad", Colours(), impossible)]
    found = dict(embed_photos([photo(0), photo(1)], lanes, workers=1))
    assert len(found["good"].content_ids) == 2
    assert set(found["bad"].failures.values()) == {"ValueError: no such view"}
