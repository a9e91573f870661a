"""What fine-tuned networks say of photos: the log probability of each class."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.view_table import TRAINED, View
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.embedding import Lane, embed_photos
from imgsim_assets.vision.fine_tuning.objective import SCALE
from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned
from imgsim_assets.vision.frame import Frame, OpenedPhoto
from imgsim_assets.vision.framing import PhotoSource

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PhotoToScore:
    """A photo, and the network that has not learned from it; None: none has.

    `open` decodes it as some frames need it.
    """

    content_id: str
    open: Callable[[Sequence[Frame]], OpenedPhoto]
    fold: int | None = None


@dataclass(frozen=True)
class Scored:
    """By content id float32 [c] log probabilities; and the photos whose file was away or changed."""

    scores: dict[str, Scores]
    away: frozenset[str]


def score_photos(
    photos: Iterable[PhotoToScore],
    backbone: TorchBackbone,
    tuned: FineTuned,
    views: Sequence[View],
    *,
    workers: int,
    total: int,
) -> Scored:
    """Ask each photo's network, or all of them where none has learned from it, and take the mean of their logits.

    Args:
        photos: what to ask about; looked at as they are needed.
        backbone: what was fine-tuned, as it was before.
        tuned: what came of it; one fold at least.
        views: those that the backbone looks at; the photo itself and its mirror image count.
        workers: threads that decode and frame.
        total: how many photos there are.

    Returns:
        What they say; photos that cannot be read are absent.
    """
    import torch

    models = [backbone.retrained(weights) for weights in tuned.weights]
    directions = [torch.nn.functional.normalize(one, dim=1).numpy() for one in tuned.directions]
    shown = [view for view in views if view in TRAINED]
    frames = {view: Frame(view, backbone.framing) for view in shown}
    lanes: list[Lane[OpenedPhoto]] = [
        Lane(f"{fold} {view}", model, frame) for fold, model in enumerate(models) for view, frame in frames.items()
    ]
    for model in models:
        model.prepare(total * len(shown))
    logits: dict[str, list[Scores]] = {}
    away: set[str] = set()
    sources = _sources(photos, list(frames.values()), [lane.name for lane in lanes])
    for name, batch in embed_photos(
        sources, lanes, workers=workers, total=total, description="asking fine-tuned networks"
    ):
        away |= batch.away
        found = SCALE * batch.vectors @ directions[_fold_of(name)].T
        for content_id, row in zip(batch.content_ids, found, strict=True):
            logits.setdefault(content_id, []).append(row)
    said = {content_id: _log_softmax(np.mean(rows, axis=0)) for content_id, rows in logits.items()}
    return Scored(said, frozenset(away - said.keys()))


def no_opinion(classes: int) -> Scores:
    """Give the log probabilities of one who knows nothing: float32 [c]."""
    return np.full(classes, -np.log(classes), dtype=np.float32)


def _fold_of(lane: str) -> int:
    return int(lane.partition(" ")[0])


def _sources(
    photos: Iterable[PhotoToScore], frames: Sequence[Frame], lanes: Sequence[str]
) -> Iterator[PhotoSource[OpenedPhoto]]:
    by_fold: Mapping[int | None, frozenset[str]] = {
        None: frozenset(lanes),
        **{fold: frozenset(name for name in lanes if _fold_of(name) == fold) for fold in map(_fold_of, lanes)},
    }
    for photo in photos:
        yield PhotoSource(photo.content_id, functools.partial(photo.open, frames), by_fold[photo.fold])


def _log_softmax(logits: npt.NDArray[np.floating]) -> Scores:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), dtype=np.float32)
