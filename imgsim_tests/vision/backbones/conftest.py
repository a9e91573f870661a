import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_assets.settings import Runtime
from imgsim_assets.vision.backbones.onnx import OnnxBackbone
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_tests.hub_server import Hub, running_hub
from imgsim_tests.vision.backbones import model_files


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(device="cpu", threads=1, offline=True, precision="float32")


def framed(model: BackboneModel, photos: Sequence[Image.Image]) -> np.ndarray:
    """What a model's `embed` takes."""
    return np.stack([model.framing(photo) for photo in photos])


def normalised(model: TorchBackbone | OnnxBackbone, photos: Sequence[Image.Image]) -> np.ndarray:
    """What comes to a model's first layer: float32 [n, 3, h, w]."""
    return np.ascontiguousarray(model.photo_input.normalised(framed(model, photos)))


@pytest.fixture(scope="session")
def photos() -> list[Image.Image]:
    """Photos of many forms, smooth enough that a wrong resize filter shows and noise does not hide it."""
    random = np.random.default_rng(7)
    sizes = [(64, 48), (48, 64), (33, 77), (50, 50), (101, 37), (32, 32), (20, 28)]
    coarse = [Image.fromarray(random.integers(0, 256, (9, 7, 3), dtype=np.uint8)) for _ in sizes]
    return [image.resize(size, Image.Resampling.BICUBIC) for image, size in zip(coarse, sizes, strict=True)]


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache in place of the person's own."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every attempt to reach another machine fails and is recorded."""
    attempts: list[str] = []

    def refuse(name: str):
        def attempt(*arguments: object, **_: object) -> None:
            attempts.append(f"{name}{arguments[-1:]}")
            raise OSError("this test forbids connections")

        return attempt

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse(name))
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse(name))
    return attempts


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local folder of models, in both ways of naming the folders."""
    folder = tmp_path_factory.mktemp("models")
    model_files.save_clip(folder / "small" / "clip")
    model_files.save_siglip(folder / "small--siglip")
    model_files.save_dinov2(folder / "small--dinov2")
    model_files.save_timm_clip(folder / "timm" / "vit_base_patch16_clip_224.openai")
    model_files.save_timm_resnet(folder / "timm--resnetv2_50.a1h_in1k")
    return folder


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that answers, in place of the real one, for the hub's own client in this process."""
    from huggingface_hub import close_session, constants

    with running_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        close_session()  # it has read the variables
        yield running
    close_session()
