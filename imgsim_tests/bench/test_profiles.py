import pytest

from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Backbone
from imgsim_bench.profiles import in_markdown, measure_profiles, read_profile
from imgsim_tests.workplace import Workplace

BACKBONES = {
    "one": Backbone(uri="compact:clip", views=("rgb", "mirror"), fine_tune=True),
    "two": Backbone(uri="compact:vit_clip", views=("rgb", "mirror")),
}


def test_a_profile_is_read_with_its_first_or_with_all_views():
    found = read_profile("one~ + two", BACKBONES)
    assert {name: one.views for name, one in found.items()} == {"one": ("rgb", "mirror"), "two": ("rgb",)}
    assert not found["one"].fine_tune


def test_a_backbone_that_is_not_embedded_is_refused():
    with pytest.raises(SettingsError, match=r"one, two.*'three'"):
        read_profile("one+three", BACKBONES)


def test_profiles_of_a_synced_folder_are_judged(synced_once: Workplace):
    settings = synced_once.settings()
    (name,) = settings.backbones
    table = measure_profiles(settings, [name, f"{name}~"])
    assert table["profile"].to_list() == [name, f"{name}~"]
    assert table["map_at_10"].is_between(0, 1).all()
    first, all_views = table["cpu_ms_a_photo"]
    assert all_views == pytest.approx(first * len(settings.backbones[name].views))
    assert in_markdown(table).count("\n| ") == 2
