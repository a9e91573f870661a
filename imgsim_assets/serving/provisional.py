"""The provisional answer of a first sync: what the first backbone alone says, until the final one takes its place."""

import json
from pathlib import Path
from typing import Any

from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings, Steps

MARK = "provisional"  # in `bundle.json`; a final one has none


class ProvisionalSettings(Settings):
    """Settings of a provisional answer: what is made with them says so."""


def provisional_settings(settings: Settings) -> ProvisionalSettings:
    """Give the settings that answer early: the first view of the first backbone, and a recipe that tries nothing out.

    Classes are told by the likelihood ratio, which is learned in closed form; where there are too few labels for it,
    guesses may help it as they do in the final answer.
    """
    name, backbone = next(iter(settings.backbones.items()))
    alone = backbone.model_copy(update={"views": backbone.views[:1], "fine_tune": False})
    tried_out = dict.fromkeys(Steps.model_fields, "off")
    taken = {"glrt_set": "on", "power": "on", "pseudo_labels": settings.steps.pseudo_labels}
    changed = {
        "backbones": {name: alone},
        "steps": Steps.model_validate(tried_out | taken),
        "selection": settings.selection.model_copy(update={"photos": 0}),
    }
    return ProvisionalSettings.model_construct(**{**dict(settings), **changed})


def mark_of(settings: Settings) -> dict[str, Any]:
    """Give what marks what is made with these settings, in JSON; nothing where it is final."""
    return {MARK: True} if isinstance(settings, ProvisionalSettings) else {}


def is_provisional(publication: Path) -> bool:
    """Tell whether a publication is a provisional answer; one that cannot be read is none."""
    try:
        return MARK in json.loads((publication / layout.BUNDLE / layout.FACTS).read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def said_of(settings: Settings) -> str:
    """Say, before what is said of an answer, that it is a provisional one; nothing where it is final."""
    if not isinstance(settings, ProvisionalSettings):
        return ""
    return f"Provisional, by {' and '.join(settings.backbones)} alone; the final answer takes its place. "
