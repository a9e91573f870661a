"""The front door: light to import, complete, and held by a snapshot."""

import subprocess
import sys

import dagster as dg
import pytest

from imgsim_assets.assets.images import catalogue as images
from imgsim_assets.assets.images import edges
from imgsim_assets.assets.learning import fine_tuning
from imgsim_assets.definitions import build_definitions, build_loaded_definitions
from imgsim_assets.orchestration.staleness import descendants, read_graph
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.vision import content, content_names

HEAVY = ["torch", "timm", "transformers", "mlflow", "faiss", "annoy", "openvino", "sklearn", "lance", "matplotlib"]


@pytest.fixture(scope="module", params=["pretrained", "compact", "clip", "small", "medium", "large"])
def definitions(request):
    return build_definitions(load_settings(profile=request.param, environ={}))


def test_importing_the_definitions_loads_no_heavy_library():
    script = (
        f"import sys; import imgsim_assets.definitions as d; d.defs(); print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_graph_is_the_one_that_was_reviewed(snapshot):
    """Keys, dependencies, groups, kinds and checks; `pytest --snapshot-update` after a change that is meant."""
    definitions = build_definitions(load_settings(environ={}))
    graph = {
        spec.key.to_user_string(): {
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        }
        for spec in definitions.resolve_all_asset_specs()
    }
    checks = sorted(
        f"{key.asset_key.to_user_string()}: {key.name}" for key in definitions.resolve_asset_graph().asset_check_keys
    )
    jobs = sorted(job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__"))
    assert {"assets": dict(sorted(graph.items())), "checks": checks, "jobs": jobs} == snapshot


def test_every_asset_has_a_code_version_an_owner_a_group_and_words(definitions):
    """An asset without a code version makes its children stale at each run."""
    for spec in definitions.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.group_name not in {None, "default"}, name
        assert spec.description, name
        if name != "image_folder":
            assert spec.code_version, name
            assert spec.owners, name
            assert spec.kinds, name


def test_the_hidden_labels_reach_scoring_and_nothing_else(definitions):
    """What stands below `solution_labels` shows results; nothing that learns, chooses or ranks is there."""
    specs = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        for spec in definitions.resolve_all_asset_specs()
    }
    below = {"solution_labels"}
    while more := {key for key, deps in specs.items() if deps & below} - below:
        below |= more
    assert below == {"solution_labels", "index_comparison", "evaluation", "retrieval_report", "publication"}


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"canny": {"low": 50, "high": 150}}, {"canny_maps"}),
        ({"runtime": {"batch_size": 7, "threads": 1, "device": "cpu"}}, set()),
        ({"places": {"data": "elsewhere", "state": "other"}}, set()),
        ({"head": {"shrinkage": 0.2}}, {"ranking_choice"}),
        ({"steps": {"projection": "off"}}, {"ranking_choice"}),
        ({"selection": {"renewal": 0.5}}, {"ranking_choice"}),
        ({"evaluation": {"leaked": "leave_out"}}, {"ranking_choice", "cross_validation"}),
        ({"annoy": {"trees": 11}}, {"annoy_index"}),
        ({"backbones": {"clip": {"views": ["rgb"]}}}, None),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),  # the same in every process
)  # fmt: skip
def test_a_setting_moves_exactly_the_code_versions_that_read_it(change, moved):
    def versions(overrides):
        settings = load_settings(profile="compact", overrides=overrides, environ={})
        return {s.key.to_user_string(): s.code_version for s in build_definitions(settings).resolve_all_asset_specs()}

    before, after = versions({}), versions(change)
    found = {key for key in before if before[key] != after[key]}
    if moved is None:
        assert "embeddings/clip" in found
        assert not {"embeddings/vit_clip", "embeddings/resnet50v2", "raw_images", "canny_maps"} & found
    else:
        assert found == moved


def test_edges_belong_to_what_shows_them():
    """Where a view does, they are above the publication, and part of what it is; else neither."""

    def graph(views, **canny):
        overrides = {"backbones": {"colour": {"views": views}}, "canny": canny}
        settings = load_settings(profile="compact", overrides=overrides, environ={})
        return read_graph(build_definitions(settings))

    shown, other = graph(["rgb", "canny_focus"]), graph(["rgb", "canny_focus"], low=50, high=150)
    moved = {key for key in shown if shown[key].code_version != other[key].code_version}
    assert moved == {"canny_maps", "embeddings/colour", "publication"}
    assert "publication" in descendants(shown, ["canny_maps"])
    assert descendants(graph(["rgb"]), ["canny_maps"]) == []


def test_another_rule_of_trimming_moves_whatever_opens_photos(monkeypatch):
    """Else old boxes would stay in the catalogue, and give vectors under the name of the new rule."""
    settings = load_settings(profile="compact", environ={})

    def versions():
        return {s.key.to_user_string(): s.code_version for s in build_definitions(settings).resolve_all_asset_specs()}

    before = versions()
    for module in (images, edges, content_names, fine_tuning, content):
        monkeypatch.setattr(module, "CONTENT_REVISION", "content/another")
    after = versions()
    found = {key for key in before if before[key] != after[key]}
    looking = {key for key in before if key.split("/")[0] in ("raw_images", "canny_maps", "embeddings", "fine_tuned")}
    assert looking <= found


@pytest.mark.slow
def test_dagster_can_load_it_as_a_code_location():
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert isinstance(build_definitions(load_settings(environ={})), dg.Definitions)


def test_dagsters_door_locks_hub_names_before_the_graph_is_built(hub, tmp_path):
    """So that a run launched from the UI makes vectors of a commit, and the next look finds them fresh."""
    key = dg.AssetKey(["embeddings", "one"])

    def load():
        config = tmp_path / "imgsim.toml"
        config.write_text("[backbones.one]\nuri = 'hf:some/clip'\n")
        return load_settings(config=config, overrides={"places": {"state": str(tmp_path / "state")}}, environ={})

    def version(definitions):
        return definitions.resolve_asset_graph().get(key).code_version

    unlocked = version(build_definitions(load()))
    assert version(build_loaded_definitions(load)) == unlocked  # a hub that has no such name stops nothing from loading
    commit = hub.push("some/clip", {"config.json": b"{}"})
    locked = version(build_loaded_definitions(load))
    assert locked != unlocked
    assert load().backbones["one"].revision == commit
    hub.push("some/clip", {"config.json": b"{ }"})
    asked = len(hub.asked)
    assert version(build_loaded_definitions(load)) == version(build_definitions(load())) == locked
    assert len(hub.asked) == asked
