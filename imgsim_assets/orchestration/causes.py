"""Why an asset is stale, in words that a person can act on."""

from collections.abc import Iterator, Mapping
from typing import Any

from imgsim_assets.resources.provenance import REVISION

SHOWN = 60  # characters of a value


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say how what an asset was computed by differs from what it would be computed by now.

    Args:
        before: revisions and settings, by name; mappings may be nested.
        after: the same, now.

    Returns:
        A sentence for each difference, settings by their dotted name, sorted.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    said = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name) and (name in old) == (name in new):
            continue
        if name.rpartition(".")[2] == REVISION:
            said.append(f"its code changed {old.get(name)} -> {new.get(name)}")
        elif name not in old:
            said.append(f"{name} is new: {_short(new[name])}")
        elif name not in new:
            said.append(f"{name} is gone")
        else:
            said.append(f"{name} changed {_short(old[name])} -> {_short(new[name])}")
    return said


def _flat(nested: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _short(value: Any) -> str:  # noqa: ANN401  any JSON value
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
