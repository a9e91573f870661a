"""What each family is trained for: shape and edges for all, and classes, contrast or captions besides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgsim_workshop.fisher_targets import NUMBERS
from imgsim_workshop.shape_targets import shape_targets

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imgsim_workshop.classes import Kind

SCALE = 16.0  # cosine to logit
SMOOTHING = 0.1
TEXT_WIDTH = 128
SHAPE_WEIGHT = 2.0
FISHER_WEIGHT = 8.0


def objective(name: str, kinds: "Sequence[Kind]", dimension: int) -> "nn.Module":
    """Build the objective of the backbone `name`: a module (vectors, classes, fisher, naming) -> loss."""
    import torch
    from torch import nn

    builders = {"clip": _captions, "vit_clip": _together, "resnet50v2": _classes}

    class Objective(nn.Module):
        """The shape, the edges, and what the family is trained for besides."""

        shapes: "Tensor"

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("shapes", torch.from_numpy(shape_targets(kinds)), persistent=False)
            self.centre = nn.BatchNorm1d(dimension, affine=False)
            self.shape = nn.Linear(dimension, self.shapes.shape[1])
            self.edges = nn.Linear(dimension, NUMBERS)
            self.besides = builders[name](kinds, dimension)

        def forward(self, vectors: "Tensor", classes: "Tensor", fisher: "Tensor", naming: float) -> "Tensor":
            """Give the mean loss of vectors [n, d] of pictures of classes [n] whose edges are `fisher` [n, NUMBERS].

            `naming` weighs what the family is trained for besides.
            """
            centred = self.centre(vectors.float())
            shape = (self.shape(centred) - self.shapes[classes]).square().mean()
            edges = (self.edges(centred) - fisher).square().mean()
            unit = nn.functional.normalize(centred, dim=1)
            loss: Tensor = SHAPE_WEIGHT * shape + FISHER_WEIGHT * edges + naming * self.besides(unit, classes)
            return loss

    return Objective()


def _classes(kinds: "Sequence[Kind]", dimension: int) -> "nn.Module":
    """Cross-entropy over cosines to one learned direction a class."""
    import torch
    from torch import nn

    class Classes(nn.Module):
        """One direction a class."""

        def __init__(self) -> None:
            super().__init__()
            self.directions = nn.Parameter(torch.randn(len(kinds), dimension))

        def forward(self, unit: "Tensor", classes: "Tensor") -> "Tensor":
            """Give the mean loss of unit vectors [n, d] of classes [n]."""
            logits = SCALE * unit @ nn.functional.normalize(self.directions, dim=1).T
            return nn.functional.cross_entropy(logits, classes, label_smoothing=SMOOTHING)

    return Classes()


def _together(kinds: "Sequence[Kind]", dimension: int) -> "nn.Module":
    """The classes' cross-entropy, and the supervised contrast between the pictures of a batch (Khosla 2020)."""
    import torch
    from torch import nn

    class Together(nn.Module):
        """Classification and contrast."""

        def __init__(self) -> None:
            super().__init__()
            self.classes = _classes(kinds, dimension)

        def forward(self, unit: "Tensor", classes: "Tensor") -> "Tensor":
            """Give the mean loss of unit vectors [n, d] of classes [n]."""
            own = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
            logits = (SCALE / 2 * unit @ unit.T).masked_fill(own, -1e4)
            same = (classes[:, None] == classes[None]) & ~own
            chance = torch.log_softmax(logits, dim=1)
            contrast = -(chance * same).sum(dim=1) / same.sum(dim=1).clamp(min=1)
            loss: Tensor = self.classes(unit, classes) + contrast.mean()
            return loss

    return Together()


def _captions(kinds: "Sequence[Kind]", dimension: int) -> "nn.Module":
    """Contrast between pictures and captions, both ways; a small transformer reads the captions."""
    import torch
    from torch import nn

    vocabulary = {word: k for k, word in enumerate(sorted({word for kind in kinds for word in kind.caption}))}
    read = torch.tensor([[vocabulary[word] for word in kind.caption] for kind in kinds])

    class Captions(nn.Module):
        """The text tower and the contrast."""

        read: "Tensor"

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("read", read, persistent=False)
            self.words = nn.Embedding(len(vocabulary), TEXT_WIDTH)
            self.places = nn.Parameter(torch.randn(read.shape[1], TEXT_WIDTH) * 0.02)
            self.block = nn.TransformerEncoderLayer(TEXT_WIDTH, 4, 2 * TEXT_WIDTH, 0.0, "gelu", batch_first=True)
            self.project = nn.Linear(TEXT_WIDTH, dimension)

        def forward(self, unit: "Tensor", classes: "Tensor") -> "Tensor":
            """Give the mean loss of unit vectors [n, d] of classes [n]."""
            present, own = torch.unique(classes, return_inverse=True)
            texts = self.project(self.block(self.words(self.read[present]) + self.places).mean(dim=1))
            logits = SCALE * unit @ nn.functional.normalize(texts, dim=1).T
            to_text = nn.functional.cross_entropy(logits, own)
            same = (own[None] == torch.arange(len(present), device=own.device)[:, None]).float()
            chance = torch.log_softmax(logits.T, dim=1)
            to_image = -((chance * same).sum(dim=1) / same.sum(dim=1)).mean()
            loss: Tensor = to_text + to_image
            return loss

    return Captions()
