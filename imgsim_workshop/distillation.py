"""What the transformers learn from the residual network: its view of every place, and its vectors.

A transformer needs far more pictures than a convolutional network to find out by itself what is worth
seeing (distillation against that: Touvron 2021). Being told of every place makes sixteen of one picture.
"""

from typing import TYPE_CHECKING

from imgsim_assets.vision.compact import CompactModel

if TYPE_CHECKING:
    from torch import Tensor, nn

TEACHER = "resnet50v2"
BLOCKS = {"clip": "tower.vision_model.encoder.layers", "vit_clip": "tower.blocks"}
BODY = "body"
STAGE = f"{BODY}.stages.2"
VECTOR_WEIGHT = 4.0


class Watch:
    """Keeps what a submodule gave last."""

    def __init__(self, module: "nn.Module", place: str) -> None:
        """Watch the submodule at `place`."""
        self.output: Tensor | None = None
        module.get_submodule(place).register_forward_hook(self._keep)

    def _keep(self, _module: "nn.Module", _inputs: "tuple[Tensor, ...]", output: "Tensor | tuple[Tensor, ...]") -> None:
        self.output = output[0] if isinstance(output, tuple) else output

    def take(self) -> "Tensor":
        """Give the last output and forget it."""
        output, self.output = self.output, None
        if output is None:
            raise RuntimeError("the watched submodule has not run")
        return output


def distillation(name: str, student: "nn.Module", teacher: CompactModel) -> "nn.Module":
    """Build the module (views, vectors) -> loss that compares a student, just run on the views, with the teacher.

    Args:
        name: "clip" or "vit_clip".
        student: its module.
        teacher: trained, in evaluation mode.
    """
    import torch
    from torch import nn

    blocks = len(list(student.get_submodule(BLOCKS[name]).children()))
    watched = Watch(student, f"{BLOCKS[name]}.{blocks - 1}")
    places = Watch(teacher.module, STAGE)
    with torch.no_grad():
        probe = torch.zeros(1, 3, teacher.size, teacher.size)
        student(probe)
        teacher.module(probe)
    width, channels = watched.take().shape[-1], places.take().shape[1]

    class Distillation(nn.Module):
        """Reads the teacher's features off the student's patches."""

        def __init__(self) -> None:
            super().__init__()
            self.read = nn.Linear(width, channels)
            self.scale = nn.BatchNorm1d(channels, affine=False)
            self.own_scale = nn.BatchNorm1d(teacher.dimension, affine=False)
            self.teacher_scale = nn.BatchNorm1d(teacher.dimension, affine=False)

        def forward(self, views: "Tensor", vectors: "Tensor") -> "Tensor":
            """Give the loss of views [n, 3, s, s] and what the student made of them, vectors [n, d]."""
            with torch.no_grad():
                target = self.teacher_scale(teacher.module(views).float())
                seen = places.take().float().flatten(2).transpose(1, 2)  # [n, places, channels]
                scaled = self.scale(seen.flatten(0, 1)).view_as(seen)
            patches = watched.take()[:, -seen.shape[1] :].float()  # without the class token
            missed = (self.read(patches) - scaled).square().mean()
            apart = 1 - nn.functional.cosine_similarity(self.own_scale(vectors.float()), target).mean()
            loss: Tensor = missed + VECTOR_WEIGHT * apart
            return loss

    return Distillation()


def lend_stem(student: "nn.Module", teacher: CompactModel) -> None:
    """Give a transformer's stem the teacher's weights, as far as they have the same names."""
    stem = student.get_submodule("stem")
    known = teacher.module.get_submodule(BODY).state_dict()
    stem.load_state_dict({key: known[key] for key in stem.state_dict() if not key.startswith("norm.")}, strict=False)
