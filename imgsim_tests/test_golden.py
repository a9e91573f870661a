"""A revision cannot be forgotten: output that changes under an old revision would never be made anew."""

import json

from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.staleness import read_graph
from imgsim_tests.golden import FILE, changed, summarise
from imgsim_tests.workplace import Workplace

AGAIN = "then run `python -m imgsim_tests.golden`"


def complaints(found: dict, golden: dict, graph: dict) -> list[str]:
    """Say what is wrong, the first assets of a change only: what lies below them follows."""
    moved = changed(found, golden)
    first = {key for key in moved if not moved.intersection(graph[key].parents)}
    said = [
        f"the output of {key} changed, but its code version {found[key]['code_version']} did not: "
        f"raise its revision, {AGAIN}"
        for key in sorted(first)
        if key in golden and golden[key]["code_version"] == found[key]["code_version"]
    ]
    old = [key for key in sorted(found) if golden.get(key, {}).get("code_version") != found[key]["code_version"]]
    return said or [f"{key} has another code version than in golden.json: review, {AGAIN}" for key in old]


def test_output_changes_with_its_revision_only(synced_once: Workplace):
    golden = json.loads(FILE.read_text(encoding="utf-8"))
    found = json.loads(json.dumps(summarise(synced_once)))
    graph = read_graph(build_definitions(synced_once.settings()))
    assert complaints(found, golden, graph) == []


def test_a_forgotten_revision_is_named_and_what_lies_below_is_not(synced_once: Workplace):
    found = json.loads(json.dumps(summarise(synced_once)))
    graph = read_graph(build_definitions(synced_once.settings()))
    golden = json.loads(json.dumps(found))
    for key in ("metric_head", "gallery_vectors", "query_vectors", "faiss_neighbors"):
        golden[key]["output"] = {"other": 1}
    (said,) = complaints(found, golden, graph)
    assert said.startswith("the output of metric_head changed, but its code version")

    golden["metric_head"]["code_version"] = "metric_head/0"  # raised, but not reviewed
    (said,) = complaints(found, golden, graph)
    assert said.startswith("metric_head has another code version than in golden.json")
