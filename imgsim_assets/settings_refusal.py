"""What is said of settings that are not known or not possible: each problem once, where it stands, what is allowed."""

import difflib
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Backbone, Settings

Tree = dict[str, Any]


class Layer(NamedTuple):
    """Some settings and the place they come from, in words."""

    source: str
    tree: Tree


def refusal(error: ValidationError, layers: list[Layer]) -> SettingsError:
    """Say every problem once: a value that fits none of several types is one problem."""
    problems: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        problems.setdefault(".".join(_locate(detail["loc"])[0]), []).append(detail)
    lines = [_problem(details, layers) for details in problems.values()]
    return SettingsError(
        "settings that are known and possible", "; ".join(lines), "correct what is named, or leave it out"
    )


def _problem(details: list[ErrorDetails], layers: list[Layer]) -> str:
    keys, known = _locate(details[0]["loc"])
    source, given = _origin(keys, layers)
    where = f" (from {source})" if source else ""
    if details[0]["type"] == "extra_forbidden":
        parent = ".".join(keys[:-1])
        siblings = [".".join([*keys[:-1], name]) for name in known]
        close = closest(given, siblings + _stage_keys())
        return f"unknown key {given}{where}{close}; known in {parent or 'the settings'}: {', '.join(known)}"
    if details[0]["type"] == "missing":
        return f"{'.'.join(keys)} is not given"
    allowed = " or ".join(dict.fromkeys(_allowed(detail) for detail in details))
    return f"{'.'.join(keys)} = {details[0]['input']!r}{where}: {allowed}"


def _allowed(detail: ErrorDetails) -> str:
    if detail["loc"][-1:] == ("[key]",):
        return "a backbone's name is lower-case letters, digits and _, with a letter first"
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "must")


def _locate(loc: tuple[int | str, ...]) -> tuple[list[str], list[str]]:
    """Read pydantic's place of a problem.

    Returns:
        The setting's keys, without the items and alternatives of its type that pydantic adds, and the
        names that are known where the last key stands.
    """
    keys: list[str] = []
    known: list[str] = []
    model: type[BaseModel] | None = Settings
    for part in loc:
        if model is None or part == "[key]":
            break
        keys.append(str(part))
        if keys[:-1] == ["backbones"]:
            model = Backbone
            continue
        known = sorted(model.model_fields)
        if keys != ["backbones"]:
            field = model.model_fields.get(str(part))
            model = _model_of(field.annotation) if field else None
    return keys, known


def _origin(keys: list[str], layers: list[Layer]) -> tuple[str, str]:
    """Name the last layer that gives the setting, and the setting as far as it was spelt there."""
    for layer in reversed(layers):
        value: Any = layer.tree
        for key in keys:
            value = value.get(key, layer) if isinstance(value, dict) else layer
        if value is not layer:
            spelt = list(keys)
            while isinstance(value, dict) and len(value) == 1:
                [(key, value)] = value.items()
                spelt.append(key)
            return layer.source, ".".join(spelt)
    return "", ".".join(keys)


def _stage_keys() -> list[str]:
    stages = {name: _model_of(field.annotation) for name, field in Settings.model_fields.items()}
    return [f"{name}.{key}" for name, model in stages.items() if model for key in model.model_fields]


def _model_of(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def closest(name: str, known: list[str]) -> str:
    """Ask whether the known name that is spelt most like `name` was meant; empty: none is near."""
    matches = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {matches[0]}?" if matches else ""
