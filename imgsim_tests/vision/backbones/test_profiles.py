"""The backbones of the shipped profiles are ones that imgsim can load, and what is said of them is so."""

import re
import tomllib
from pathlib import Path

import pytest
import timm
import torch
import transformers

import imgsim_assets
from imgsim_assets.model_lock import timm_repository
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.vision.backbones.hf_pooling import choose_forward
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.timm_models import load_input, poolings, set_pooling

PROFILES = sorted((Path(imgsim_assets.__file__).parent / "profiles").glob("*.toml"))
FETCHED = ("clip", "small", "medium", "large")
DOCS = Path(imgsim_assets.__file__).parents[1] / "docs" / "models.md"
BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
# The configurations of the models of transformers, by name; the hub's config.json say the same.
OF_TRANSFORMERS = {
    **dict.fromkeys(
        ("openai/clip-vit-base-patch32", "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K"), transformers.CLIPConfig()
    ),
    "facebook/dinov2-small": transformers.Dinov2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14
    ),
    "google/siglip2-base-patch16-384": transformers.SiglipConfig(
        vision_config={**BASE, "image_size": 384, "patch_size": 16},
        text_config={**BASE, "vocab_size": 256_000, "max_position_embeddings": 64, "projection_size": 768},
    ),
}


def profile(name: str) -> Path:
    return next(path for path in PROFILES if path.stem == name)


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


def table() -> list[tuple[str, ...]]:
    """The rows of the table of docs/models.md: profile, uri, family, licence, MB, numbers, pooling."""
    rows = [
        line.strip("| \n").split(" | ") for line in DOCS.read_text().splitlines() if re.match(r"\| `\w+` \| `", line)
    ]
    return [tuple(cell.strip("`") for cell in row) for row in rows]


@pytest.mark.parametrize("name", FETCHED)
def test_a_profile_that_fetches_is_a_trio_of_families_and_says_what_it_fetches(name):
    rows = [row for row in table() if row[0] == name]
    assert [row[1] for row in rows] == [backbone.uri for backbone in backbones(profile(name)).values()]
    assert len({row[2] for row in rows}) == 3
    written = profile(name).read_text()
    for (_, uri, _, licence, megabytes, *_), member in zip(rows, re.split(r"\n\n(?=#)", written)[1:], strict=True):
        assert uri in member
        assert f"{licence}, {int(megabytes):,} MB" in " ".join(member.replace("\n# ", " ").split())
    assert f"{sum(int(row[4]) for row in rows):,} MB" in written


@pytest.mark.parametrize("row", sorted(set(row[1:] for row in table())), ids=lambda row: row[0])
def test_what_is_said_of_a_published_model_is_what_the_libraries_build(row):
    """Built without weights: how many numbers it has and gives, and by which pooling."""
    uri, _, licence, megabytes, numbers, pooling = row
    scheme, _, name = uri.partition(":")
    with torch.device("meta"):
        if scheme == "timm":
            published = timm.get_pretrained_cfg(name)
            module = timm.create_model(name.partition(".")[0], num_classes=published.num_classes)
            size = count(module)
            projects = published.num_classes == int(numbers)
            own = poolings(module, projects=projects)
            set_pooling(name.partition(".")[0], name.partition(".")[2], module, None)
            vector = module(torch.empty(1, *published.input_size))
            kept = {"token": "class_token", "avg": "average", "map": "attention"}
            said = "projection" if projects else kept.get(getattr(module, "global_pool", None), "average")
            assert said in own
            # timm's page of OpenAI's weights has timm's licence.
            assert licence == {"apache-2.0": "Apache-2.0", "dinov3-license": "DINOv3 licence"}[published.license] or (
                published.tag == "openai" and licence == "MIT"
            )
        else:
            config = OF_TRANSFORMERS[name]
            module = transformers.AutoModel.from_config(config)
            size, side = count(module), getattr(config, "vision_config", config).image_size
            vector = choose_forward(module, ())(module, torch.empty(1, 3, side, side))
            said = {"clip": "projection", "siglip": "attention", "dinov2": "class_token"}[config.model_type]
    assert (vector.shape[1], said.replace("_", " "), round(size)) == (int(numbers), pooling, int(megabytes))


# As published: what a photo is resized to, and the square that is taken out of its middle.
FRAMED = {
    "timm:vit_base_patch16_clip_quickgelu_224.openai": ("crop", 248, 224),
    "timm:resnetv2_50.a1h_in1k": ("crop", 235, 224),
    "timm:vit_base_patch16_dinov3.lvd1689m": ("crop", 256, 256),
    "timm:vit_large_patch14_reg1_tipsv2.webli": ("crop", 448, 448),
    "timm:vit_so400m_patch14_siglip_378.v2_webli": ("crop", 420, 378),
    "timm:vit_large_patch16_dinov3.lvd1689m": ("crop", 256, 256),
    "timm:vit_pe_core_large_patch14_336.fb": ("crop", 336, 336),
}


@pytest.mark.parametrize("uri", sorted({row[1] for row in table() if row[1].startswith("timm:")}))
def test_photos_of_full_size_are_framed_as_timm_publishes_it_without_its_code(uri):
    with torch.device("meta"):
        module = timm.create_model(uri.removeprefix("timm:"))
    framing = load_input(module).framing
    assert isinstance(framing, SquareFraming)
    assert (framing.resize, framing.scaled, framing.size) == FRAMED[uri]


def count(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) * 4 / 1e6


TRIO = {"clip": "compact:clip", "vit_clip": "compact:vit_clip", "resnet50v2": "compact:resnet50v2"}


@pytest.mark.parametrize(
    ("profile_name", "others"),
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
def test_the_default_and_the_compact_profile_need_no_download(profile_name, others):
    lines = backbones(profile(profile_name))
    assert {name: line.uri for name, line in lines.items()} == TRIO | others


def test_the_towers_named_by_class_exist():
    from imgsim_assets.vision.backbones.huggingface import TOWERS

    assert all(hasattr(transformers, name) for name in TOWERS.values())
