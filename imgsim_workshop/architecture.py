"""Draw the graph and the rooms of `docs/architecture.md` from the code: `python -m imgsim_workshop.architecture`."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg

from imgsim_assets.definitions import build_definitions
from imgsim_assets.settings_sources import load_settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
DRAWN = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def graph_lines() -> Iterator[str]:
    """Draw the graph of the default settings for Mermaid: a box for each group, an arrow from parent to child.

    An arrow is left out where others lead the same way.
    """
    graph = build_definitions(load_settings(environ={})).resolve_asset_graph()
    groups: dict[str, list[dg.AssetKey]] = defaultdict(list)
    for key in graph.toposorted_asset_keys:
        groups[graph.get(key).group_name].append(key)
    yield from ("```mermaid", "flowchart LR")
    for group, keys in groups.items():
        yield f"  subgraph {group}"
        yield from (f"    {_node(key)}[{key.to_user_string()}]" for key in keys)
        yield "  end"
    above: dict[dg.AssetKey, set[dg.AssetKey]] = {}
    for key in graph.toposorted_asset_keys:
        parents = graph.get(key).parent_keys
        further = set().union(*(above[parent] for parent in parents))
        above[key] = further | parents
        yield from (f"  {_node(parent)} --> {_node(key)}" for parent in sorted(parents - further))
    yield "```"


def room_lines() -> Iterator[str]:
    """List the rooms, those that may import the others first, with what each says of itself."""
    yield from ("| rooms, from above to below | |", "|---|---|")
    for layer in room_layers():
        for room in layer.split(" | "):
            yield f"| `{room}` | {_first_words(room)} |"


def room_layers() -> list[str]:
    """Read the rule on imports: rooms from above to below; those that share a line are side by side."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [one["layers"] for one in contracts if one.get("containers") == ["imgsim_assets"]]
    return [str(layer) for layer in layers]


def drawn(page: str) -> str:
    """Give the page with what is drawn in it drawn anew."""
    parts: Mapping[str, Iterator[str]] = {"graph": graph_lines(), "rooms": room_lines()}
    return DRAWN.sub(lambda found: found[1] + "\n".join(parts[found[2]]) + "\n", page)


def _node(key: dg.AssetKey) -> str:
    return key.to_user_string().replace("/", "_")


def _first_words(room: str) -> str:
    place = ROOT / "imgsim_assets" / room
    module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
