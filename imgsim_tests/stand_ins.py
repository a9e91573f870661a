"""Tiny models laid out and named like the hub repositories of the profiles: their architectures, random weights."""

import tomllib
from pathlib import Path

from imgsim_assets.model_lock import repository_of
from imgsim_assets.settings import Backbone
from imgsim_assets.settings_sources import PROFILES
from imgsim_tests.hub_server import Hub
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import SIDE, SMALL_RESNET
from imgsim_tests.vision.backbones.text_models import save_two_towers

TINY = {"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
PROJECTED = 24
# Of a workplace in the current folder, the same on every machine.
PLACES = """
[places]
data = "photos"
state = "state"

[runtime]
device = "cpu"
precision = "float32"
threads = 1
"""
LICENCE = "---\nlicense: other\nlicense_name: stand-in\n---\n# {name}\n"


def push_profile(hub: Hub, profile: str, folder: Path) -> dict[str, str]:
    """Push a stand-in for every hub model of a profile, at the commit that it pins; give commits by repository."""
    lines = tomllib.loads((PROFILES / f"{profile}.toml").read_text(encoding="utf-8"))["backbones"].values()
    pushed: dict[str, str] = {}
    for line in lines:
        backbone = Backbone(**line)
        repository = repository_of(backbone)
        if repository is not None and repository not in pushed:
            made = save_stand_in(repository, folder / repository)
            pushed[repository] = hub.push(repository, made, backbone.revision)
    return pushed


def save_stand_in(repository: str, folder: Path) -> Path:
    """Write a stand-in with what lies beside it on the hub: a card, and weights that are not to be fetched."""
    folder.mkdir(parents=True)
    owner, _, name = repository.partition("/")
    if owner == "timm":
        _save_timm(name, folder)
    elif "clip-vit" in name.lower():
        save_two_towers(folder, "clip")
    elif "siglip" in name:
        save_two_towers(folder, "siglip")
    elif "dinov2" in name:
        model_files.save_dinov2(folder)
    else:
        raise NotImplementedError(repository)
    (folder / "README.md").write_text(LICENCE.format(name=name), encoding="utf-8")
    for other in ("pytorch_model.bin", "open_clip_model.safetensors", "flax_model.msgpack"):
        (folder / other).write_bytes(b"not to be fetched")
    return folder


def _save_timm(name: str, folder: Path) -> None:
    architecture, _, tag = name.partition(".")
    if architecture.startswith("resnet"):
        model_files.save_timm(folder, architecture, tag, 10, SMALL_RESNET)
        return
    projects = "_clip_" in name or "_pe_core_" in name
    small = dict(TINY)
    if "_pe_core_" in name:
        small["attn_pool_num_heads"] = 2
    if "_dinov3" in name:
        small["init_values"] = 1
    model_files.save_timm(folder, architecture, tag, PROJECTED if projects else 0, small)
