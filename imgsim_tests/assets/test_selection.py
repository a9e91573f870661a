"""The choice as an asset: shown, tracked, and not made anew without need."""

from pathlib import Path
from urllib.parse import urlparse

import polars as pl
import pytest

from imgsim_assets.assets.keys import RANKING_CHOICE
from imgsim_assets.assets.learning.selection import open_recipe, open_steps
from imgsim_tests.workplace import Workplace


def version(workplace: Workplace) -> str:
    return workplace.store.artefacts.open(RANKING_CHOICE).manifest.version


def kept(workplace: Workplace) -> bool:
    return bool(workplace.metadata(RANKING_CHOICE).get("kept", False))


def test_what_each_step_earned_is_in_mlflow_in_the_ui_and_in_the_report(synced_in_place: Workplace):
    from mlflow import MlflowClient

    steps = open_steps(synced_in_place.store)
    assert steps["verdict"][0] == "start"
    client = MlflowClient(tracking_uri=f"sqlite:///{synced_in_place.state / 'mlflow.db'}")
    [run] = client.search_runs([client.get_experiment_by_name("imgsim").experiment_id])
    tried = steps.filter(pl.col("gain").is_not_null())
    for name, gain in tried.select("name", "gain").iter_rows():
        if name.replace(" ", "").isalnum():
            assert run.data.metrics[f"gain/{name}"] == gain
    folder = Path(urlparse(run.info.artifact_uri).path) / "ranking_choice"
    assert {path.name for path in folder.iterdir()} == {"gains.png", "recipe.json", "steps.csv"}
    assert {"glrt_set"} <= set(steps["step"])
    shown = synced_in_place.metadata(RANKING_CHOICE)
    assert "GLRT against each class" in shown["steps"]
    assert "GLRT against each class" in (synced_in_place.published / "report.html").read_text(encoding="utf-8")
    assert synced_in_place.store.artefacts.open("metric_head")
    assert open_recipe(synced_in_place.store).views


@pytest.mark.slow
def test_a_few_labels_do_not_make_the_choice_anew_and_many_labels_do(synced: Workplace):
    before = version(synced)
    assert not kept(synced)
    labels = pl.read_csv(synced.photos / "train.csv")
    labels[1:].write_csv(synced.photos / "train.csv")
    assert RANKING_CHOICE in synced.sync().materialized
    assert kept(synced)
    assert version(synced) == before

    cut = labels.with_columns(
        label=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("")).otherwise(pl.col("label"))
    )
    cut.write_csv(synced.photos / "train.csv")
    synced.sync()
    assert not kept(synced)


@pytest.mark.slow
def test_a_forced_step_is_taken_and_ranks(synced: Workplace):
    synced.sync({"steps": {"reciprocal": "on", "expansion": "on", "projection": "off", "augmentation": "on"}})
    recipe = open_recipe(synced.store)
    assert (recipe.reciprocal, recipe.expansion, recipe.augmentation, recipe.projection) == (True, True, True, False)
    assert "forced on" in open_steps(synced.store)["verdict"].to_list()
    assert all(len(set(names)) == 10 for names in synced.lists().values())
