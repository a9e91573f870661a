"""A person's words for clusters: read from their file, and laid beside the photos by a text tower."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import InputError, UserError
from imgsim_assets.fingerprint import bytes_id
from imgsim_assets.retrieval.cluster_names import name_clusters
from imgsim_assets.serving.provisional import ProvisionalSettings
from imgsim_assets.settings import Settings
from imgsim_assets.view_table import PHOTO, View
from imgsim_assets.vision.backbones.text_tower import (
    find_text_backbone,
    load_text_tower,
    may_have_texts,
    no_text_tower,
)

Read = Callable[[pl.DataFrame, Mapping[str, Sequence[View]]], Mapping[tuple[str, str], npt.NDArray[np.float32]]]


def words_read(settings: Settings) -> dict[str, Any]:
    """Give, for a code version, what naming clusters reads of the settings: the words, not where they are."""
    path = settings.clusters.names
    if path is None:
        return {}
    try:
        return {"clusters": {"names": bytes_id(path.read_bytes())}}
    except OSError:
        return {"clusters": {"names": "missing"}}


def word_faults(settings: Settings) -> list[UserError]:
    """Say what is known beforehand of why clusters cannot be named; nothing where they can, or need not be."""
    if settings.clusters.names is None:
        return []
    faults: list[UserError] = []
    try:
        read_words(settings)
    except UserError as fault:
        faults.append(fault)
    return faults if any(map(may_have_texts, settings.backbones.values())) else [*faults, no_text_tower(settings)]


def read_words(settings: Settings) -> list[str]:
    """Read the words that clusters are named by, one a line, each once; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, or has none.
    """
    path = settings.clusters.names
    mend = "correct clusters.names, or leave it out"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if path else []
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or "no UTF-8 text"
        raise InputError(f"names for clusters in {path}, one a line", found, mend) from error
    words = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not words:
        raise InputError(f"names for clusters in {path}, one a line", "none", mend)
    return words


def named_clusters(settings: Settings, photos: pl.DataFrame, read: Read) -> pl.DataFrame | None:
    """Name clusters by the words of `clusters.names`: `NAMED`; None: it is not set, or the answer is provisional.

    Args:
        settings: whose first backbone with a text tower says what is near.
        photos: have a `cluster` and a `content_id`.
        read: gives unit vectors of photos by backbone and view, row for row: float32 [n, d].

    Raises:
        UserError: the words cannot be read, or no backbone has a text tower that can be had.
    """
    if settings.clusters.names is None or isinstance(settings, ProvisionalSettings):
        return None
    words, name = read_words(settings), find_text_backbone(settings)
    tower = load_text_tower(settings.backbones[name], settings)
    vectors = read(photos, {name: (PHOTO,)})[name, PHOTO]
    asked = tower.embed([tower.prompt.format(word) for word in words])
    return name_clusters(photos["cluster"].to_numpy(), vectors, asked, words)
