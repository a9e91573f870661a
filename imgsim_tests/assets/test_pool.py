"""What learning and search read: the vectors that the embedding assets recorded, whatever the settings say by now."""

import numpy as np
import pytest

from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.learning.pool import read_views
from imgsim_assets.errors import ArtefactError
from imgsim_tests.workplace import Workplace


def test_vectors_are_read_where_they_were_recorded(synced_once: Workplace):
    store, settings = synced_once.store, synced_once.settings()
    photos = distinct_photos(store)
    before = read_views(store, settings, photos)
    turned = read_views(store, synced_once.settings({"canny": {"blur": 2.0}}), photos)
    assert turned.keys() == before.keys() == {("tiny", view) for view in ("rgb", "canny_focus", "canny_edges")}
    for key, vectors in before.items():
        np.testing.assert_array_equal(turned[key], vectors)


def test_a_view_that_nobody_has_embedded_yet_is_named(synced_once: Workplace):
    store, photos = synced_once.store, distinct_photos(synced_once.store)
    with pytest.raises(ArtefactError, match="the vectors of tiny, view mirror; found none"):
        read_views(store, synced_once.settings(), photos, {"tiny": ("mirror",)})
