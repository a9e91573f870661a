"""What all assets share: the keys that name them, the threads they run with, and what is noted of them."""

from pathlib import Path

import dagster as dg

from imgsim_assets.assets import asset as module
from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset
from imgsim_assets.definitions import build_definitions
from imgsim_assets.resources.provenance import COMPUTED_BY, computed_by
from imgsim_assets.settings_sources import load_settings

LINES = 2_300


def test_an_asset_sets_the_threads_first_and_notes_what_computed_it(monkeypatch):
    done = []
    monkeypatch.setattr(module, "set_threads", lambda count: done.append(f"{count} threads"))
    settings = load_settings(overrides={"runtime": {"threads": 3}}, environ={})
    computed = computed_by("toy/1", shape={"sides": 4})

    @asset(settings, "toys/square", computed, group="toys", kinds={"python"}, deps=["wood"])
    def square(context: dg.AssetExecutionContext, glue: dg.ResourceParam[str]) -> dg.MaterializeResult:
        """A square."""
        done.append(f"made with {glue} in {context.asset_key.to_user_string()}")
        return dg.MaterializeResult(metadata={"sides": 4})

    result = dg.materialize([square], resources={"glue": "glue"}, instance=dg.DagsterInstance.ephemeral())
    assert done == ["3 threads", "made with glue in toys/square"]
    (made,) = result.asset_materializations_for_node("toys__square")
    assert made.metadata["sides"].value == 4
    assert made.metadata[COMPUTED_BY].value == {"revision": "toy/1", "shape": {"sides": 4}}
    (spec,) = square.specs
    assert (spec.code_version, spec.description, spec.group_name) == (computed["code_version"], "A square.", "toys")


def test_every_asset_and_every_group_has_its_name_from_one_module():
    settings = load_settings(environ={})
    named = {value for name, value in vars(keys).items() if name.isupper()}
    named |= {
        key(name)
        for key in (keys.embedding_key, keys.fine_tuned_key, keys.class_scores_key)
        for name in settings.backbones
    }
    named |= {key(library) for key in (keys.index_key, keys.neighbors_key) for library in ("faiss", "annoy")}
    specs = list(build_definitions(settings).resolve_all_asset_specs())
    assert {spec.key.to_user_string() for spec in specs} | {spec.group_name for spec in specs} <= named


def test_a_resource_takes_the_place_of_the_one_of_its_name():
    settings = load_settings(environ={})
    definitions = build_definitions(settings, resources={"tracking": "another"})
    plain = build_definitions(settings).resources or {}
    assert (definitions.resources or {})["tracking"] == "another" != plain["tracking"]
    assert (definitions.resources or {})["store"] == plain["store"]


def test_assets_are_thin():
    """Domain work belongs below them: docs/decisions/0032-assets-only-wire.md."""
    files = Path(module.__file__).parent.rglob("*.py")
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) <= LINES
