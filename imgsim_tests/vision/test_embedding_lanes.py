"""Several models look at photos that are read once, and one that fails does not stop the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.embedding import Lane, embed_photos
from imgsim_assets.vision.framing import PhotoSource
from imgsim_tests.budget import examples
from imgsim_tests.vision.colours import Colours, colour, lanes_of, oracle, photo


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
