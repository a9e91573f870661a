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
