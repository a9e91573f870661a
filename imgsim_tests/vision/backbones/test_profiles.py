"""The backbones of the shipped profiles are ones that imgsim can load."""

import re
import tomllib
from pathlib import Path

import pytest
import timm
import transformers

import imgsim_assets
from imgsim_assets.model_lock import timm_repository
from imgsim_assets.settings import Backbone, Settings

PROFILES = sorted((Path(imgsim_assets.__file__).parent / "profiles").glob("*.toml"))


def backbones(path: Path) -> dict[str, Backbone]:
    return {name: Backbone(**fields) for name, fields in tomllib.loads(path.read_text())["backbones"].items()}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profiles_lines_are_valid(path):
    lines = backbones(path)
    assert len(lines) >= 3
    for backbone in lines.values():
        # The classical ones gain from telling left from right; what the default looks at is measured.
        alone = backbone.uri.startswith("classic:") or path.stem == "pretrained"
        assert backbone.views == (("rgb",) if alone else ("rgb", "mirror"))
        if backbone.revision is not None:
            assert re.fullmatch("[0-9a-f]{40}", backbone.revision)
        if backbone.uri.startswith("timm:"):
            name = backbone.uri.removeprefix("timm:")
            assert timm.is_model(name.split(".")[0])
            assert timm.get_pretrained_cfg(name).hf_hub_id == timm_repository(name)


TRIO = {"clip": "compact:clip", "vit_clip": "compact:vit_clip", "resnet50v2": "compact:resnet50v2"}


@pytest.mark.parametrize(
    ("profile", "others"),
    [
        (
            Settings.model_fields["profile"].default,
            {
                "efficientnet_lite0": "packaged:efficientnet_lite0",
                "efficientnet_lite2": "packaged:efficientnet_lite2",
            },
        ),
        ("compact", {"sift": "classic:sift", "colour": "classic:colour"}),
    ],
)
def test_the_default_and_the_compact_profile_need_no_download(profile, others):
    lines = backbones(next(path for path in PROFILES if path.stem == profile))
    assert {name: line.uri for name, line in lines.items()} == TRIO | others


def test_the_towers_named_by_class_exist():
    from imgsim_assets.vision.backbones.huggingface import TOWERS

    assert all(hasattr(transformers, name) for name in TOWERS.values())
