"""Right pixels and right vectors: files of odd photos through imgsim, beside each library's own processor and model.

The models are small and random, of the classes that the published profiles are made of. The reference opens files by
Pillow alone, as each library's examples do. Where imgsim differs it means to, and says so in `read_by_pillow`; larger
JPEGs are decoded reduced (`vision/frame.py`), so that photos here are no larger than twice what a model looks at.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image, ImageOps
from timm.data import create_transform, resolve_data_config

from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.frame import Frame, open_photo
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import SIDE, SMALL_RESNET

LEAST_COSINE = 0.99999  # the other GELU is at 0.99994 from the right one
MOST_PIXELS = 10**6


def waves(width: int, height: int, shift: float = 0.0) -> np.ndarray:
    """Colours that no flip, rotation or crop leaves as they are: uint8 [height, width, 3]."""
    x, y = np.meshgrid(np.linspace(0, 5, width), np.linspace(0, 3, height))
    channels = [np.sin((one + 1) * y + one + shift) * np.cos(4 * x / (one + 1)) + x / 9 for one in range(3)]
    return np.rint(np.clip(110 + 110 * np.stack(channels, axis=2), 0, 255)).astype(np.uint8)


def write_photos(folder: Path) -> dict[str, Path]:
    def save(name: str, image: Image.Image, **options: object) -> None:
        image.save(folder / name, **options)

    for orientation in (3, 6, 7):
        exif = Image.Exif()
        exif[274] = orientation
        save(f"exif_{orientation}.jpg", Image.fromarray(waves(60, 44)), exif=exif, quality=95)
    save("palette.png", Image.fromarray(waves(50, 61, 0.5)).quantize(64))
    inks = np.concatenate([255 - waves(55, 47, 1.0), np.full((47, 55, 1), 30, np.uint8)], axis=2)
    save("cmyk.tif", Image.fromarray(inks, mode="CMYK"))
    save("panorama.png", Image.fromarray(waves(400, 40, 1.5)))
    save("tower.png", Image.fromarray(waves(37, 333, 2.0)))
    save("one_pixel_wide.png", Image.fromarray(waves(1, 50, 2.5)))
    save("one_pixel_high.png", Image.fromarray(waves(50, 1, 3.0)))
    save("sixteen_bits.png", Image.fromarray(waves(48, 40, 3.5)[:, :, 0].astype(np.uint16) * 257 + 40))
    save("grey.png", Image.fromarray(waves(51, 40, 4.0)[:, :, 1]))
    return {path.stem: path for path in sorted(folder.iterdir())}


def read_by_pillow(path: Path) -> Image.Image:
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):
        # Pillow's `convert` clips 16 bits at 255, so that the photo is white; imgsim takes them to 8 (`vision/colour`).
        image = Image.fromarray(np.rint(np.asarray(image, dtype=np.float64) / 257).astype(np.uint8))
    return image.convert("RGB")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    return write_photos(tmp_path_factory.mktemp("odd"))


Golden = tuple[str, Callable[[Image.Image], np.ndarray], Callable[[torch.Tensor], torch.Tensor]]
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
LARGER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2, "patch_size": 8}


def sharpened(module: torch.nn.Module) -> torch.nn.Module:
    """As made, weights are so small that every activation function is a straight line to them."""
    with torch.no_grad():
        for matrix in (parameter for parameter in module.parameters() if parameter.ndim == 2):
            matrix.mul_(6)
    return module.eval()


def of_transformers(kind: str, folder: Path) -> Golden:
    """Save a model and its processor as published ones are, and give the library's own way from photo to vector."""
    torch.manual_seed(0)
    vision = {**TOWER, "image_size": SIDE, "patch_size": 8}
    text = {**TOWER, "vocab_size": 50}
    crop = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIDE, "width": SIDE}, "resample": 3}
    if kind in ("clip", "clip, as LAION"):
        activation = {"hidden_act": "quick_gelu" if kind == "clip" else "gelu"}
        module = transformers.CLIPModel(
            transformers.CLIPConfig(vision_config=vision | activation, text_config=text | activation, projection_dim=24)
        )
        processor = transformers.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIDE)
    elif kind == "siglip":
        module = transformers.SiglipModel(transformers.SiglipConfig(vision_config=vision, text_config=text))
        processor = transformers.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    elif kind == "dinov2":
        # Trained at another size, as published: places are interpolated.
        module = transformers.Dinov2Model(transformers.Dinov2Config(image_size=56, **LARGER))
        processor = transformers.BitImageProcessor(**crop)
    elif kind == "dinov2 with registers":
        module = transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(image_size=56, num_register_tokens=4, **LARGER)
        )
        processor = transformers.BitImageProcessor(**crop)
    else:
        module = transformers.DINOv3ViTModel(
            transformers.DINOv3ViTConfig(**vision, num_register_tokens=4, layerscale_value=1.0)
        )
        processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}, resample=2)
    sharpened(module).save_pretrained(folder)
    processor.save_pretrained(folder)
    own = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")

    def preprocess(photo: Image.Image) -> np.ndarray:
        return own(images=photo, return_tensors="np", input_data_format="channels_last")["pixel_values"][0]

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        if hasattr(module, "get_image_features"):
            return module.get_image_features(pixel_values=pixels).pooler_output
        return module(pixel_values=pixels).last_hidden_state[:, 0]

    return f"hf:{folder}", preprocess, forward


TINY = {"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
# By timm's name: how it is made small, numbers of its last layer, and how timm is told to give the published vector.
OF_TIMM = {
    "vit_base_patch16_clip_224.openai": (TINY, 24, {}),
    "vit_base_patch16_clip_quickgelu_224.openai": (TINY, 24, {}),
    "resnetv2_50.a1h_in1k": (SMALL_RESNET, 0, {}),
    "vit_base_patch16_dinov3.lvd1689m": (TINY | {"init_values": 1.0}, 0, {"global_pool": "token"}),
    "vit_large_patch14_reg1_tipsv2.webli": (TINY, 0, {}),
    "vit_so400m_patch14_siglip_378.v2_webli": (TINY, 0, {}),
    "vit_pe_core_large_patch14_336.fb": (TINY | {"attn_pool_num_heads": 2}, 24, {}),
}


def of_timm(name: str, folder: Path) -> Golden:
    """The same for timm, with the preprocessing that it publishes with the weights, but for the size."""
    architecture, _, tag = name.partition(".")
    model_args, classes, told = OF_TIMM[name]
    published = timm.get_pretrained_cfg(name).to_dict()
    kept = {one: published[one] for one in ("mean", "std", "interpolation", "crop_pct", "crop_mode")}
    model_files.save_timm(folder, architecture, tag, classes, model_args, preprocessing=kept)
    module = timm.create_model(architecture, num_classes=classes, **model_args, **told)
    timm.models.load_checkpoint(module, str(folder / "model.safetensors"))
    config = resolve_data_config(pretrained_cfg=kept | {"input_size": (3, SIDE, SIDE)})
    transform = create_transform(**config, is_training=False)
    return f"timm:{folder}", lambda photo: transform(photo).numpy(), module.eval()


@pytest.mark.parametrize(
    "kind", ["clip", "clip, as LAION", "siglip", "dinov2", "dinov2 with registers", "dinov3", *OF_TIMM]
)
def test_files_of_odd_photos_become_the_pixels_and_vectors_of_the_library(kind, files, tmp_path, runtime):
    # The name of the folder is what the uri says of the activation.
    uri, preprocess, forward = (of_timm if kind in OF_TIMM else of_transformers)(kind, tmp_path / kind)
    model = load_backbone(Backbone(uri=uri), runtime, None)
    assert isinstance(model.framing, SquareFraming)
    frame = Frame("rgb", model.framing)
    found, expected = {}, {}
    for name, path in files.items():
        upright = read_by_pillow(path)
        framed = frame(open_photo(path, upright.size, [frame], None, MOST_PIXELS))[np.newaxis]
        pixels = model.photo_input.normalised(framed)[0]
        own = preprocess(upright)
        np.testing.assert_allclose(pixels, own, rtol=0, atol=1e-5, err_msg=f"{name}: other pixels")
        with torch.inference_mode():
            expected[name] = forward(torch.from_numpy(own)[np.newaxis])[0].numpy()
        found[name] = model.embed(framed)[0]
    cosines = np.array([cosine(found[one], expected[one]) for one in files])
    assert cosines.min() >= LEAST_COSINE, dict(zip(files, cosines, strict=True))
    # So near is no photo to another: it would be seen if two were mixed up, or one turned.
    others = [cosine(found[one], expected[other]) for one in files for other in files if one < other]
    assert max(others) < LEAST_COSINE


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_quickgelu_is_not_gelu(files, tmp_path, runtime):
    """The same weights by the other activation are so far away that the test above would see it."""
    openai, quick = (f"vit_base_patch16_clip_{one}224.openai" for one in ("", "quickgelu_"))
    vectors = []
    for name in (openai, quick):
        uri, *_ = of_timm(name, tmp_path / name)
        model = load_backbone(Backbone(uri=uri), runtime, None)
        vectors.append(model.embed(model.framing(read_by_pillow(files["grey"]))[np.newaxis])[0])
    assert cosine(*vectors) < LEAST_COSINE


def test_a_larger_jpeg_is_reduced_while_it_is_decoded_and_stays_near(tmp_path, runtime):
    """What imgsim means to do otherwise: a fraction of the time, and a vector that is all but the same."""
    uri, preprocess, forward = of_transformers("clip", tmp_path / "clip")
    model = load_backbone(Backbone(uri=uri), runtime, None)
    content = io.BytesIO()
    Image.fromarray(waves(600, 440)).save(content, "JPEG", quality=95)
    path = tmp_path / "photo.jpg"
    path.write_bytes(content.getvalue())
    frame = Frame("rgb", model.framing)
    assert frame.reduction((600, 440), None) > 1
    found = model.embed(frame(open_photo(path, (600, 440), [frame], None, MOST_PIXELS))[np.newaxis])[0]
    with torch.inference_mode():
        own = forward(torch.from_numpy(preprocess(read_by_pillow(path)))[np.newaxis])[0].numpy()
    assert cosine(found, own) >= 0.999
