"""What is measured, with and without labels, and what MLflow keeps of it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import polars as pl
import pytest

from imgsim_tests.workplace import Workplace

PNG = b"\x89PNG\r\n\x1a\n"


def metrics_of(workplace: Workplace) -> dict[str, Any]:
    return json.loads((workplace.published / "metrics.json").read_text())


def test_mlflow_holds_the_measurement_and_where_it_came_from(synced_in_place: Workplace):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{synced_in_place.state / 'mlflow.db'}")
    [run] = client.search_runs([client.get_experiment_by_name("imgsim").experiment_id])
    with synced_in_place.opened() as (_, instance):
        dagster_run = instance.get_run_by_id(run.data.tags["dagster/run_id"])
    assert dagster_run is not None
    assert run.data.tags["imgsim/sync"] == dagster_run.tags["imgsim/sync"] != ""
    assert run.info.status == "FINISHED"

    metrics = metrics_of(synced_in_place)
    assert run.data.metrics["map_at_10"] == metrics["map_at_10"]
    assert [run.data.metrics["map_at_10_low"], run.data.metrics["map_at_10_high"]] == metrics["ci95"]
    assert run.data.metrics["queries"] == metrics["queries"]
    assert run.data.metrics["faiss_recall_at_10"] == 1
    settings = synced_in_place.settings()
    assert run.data.params["canny.blur"] == str(settings.canny.blur)
    assert run.data.params["backbones.tiny.uri"] == settings.backbones["tiny"].uri
    for key in ("raw_images", "embeddings/tiny", "metric_head", "gallery_vectors", "faiss_neighbors"):
        assert run.data.params[f"data_version.{key}"] == synced_in_place.store.artefacts.open(key).manifest.version

    kept = Path(urlparse(run.info.artifact_uri).path) / "plots"
    assert synced_in_place.state in kept.parents
    assert {path.name for path in kept.iterdir()} == {
        "average_precision.png",
        "hardest_classes.png",
        "ranking_intervals.png",
    }
    assert all(path.read_bytes().startswith(PNG) for path in kept.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("solution", ["kept", "absent"])
def test_without_train_labels_it_publishes_and_measures_nothing(synced: Workplace, solution: str):
    (synced.photos / "train.csv").unlink()
    if solution == "absent":
        (synced.photos / "solution.csv").unlink()
    assert "publication" in synced.sync().materialized
    metrics = metrics_of(synced)
    assert metrics["map_at_10"] is None
    assert metrics["ci95"] is None
    assert metrics["queries"] == 0
    assert len(synced.lists()) == 12
    assert all(len(set(names)) == 10 for names in synced.lists().values())
    done = synced.run("sync")
    assert done.status == 0
    assert "not measured" in done.out


@pytest.mark.slow
def test_some_labels_are_enough_to_learn_and_to_cross_validate(synced: Workplace):
    """Every other photo has no row, and one has a row without a label; the hidden labels are gone."""
    (synced.photos / "solution.csv").unlink()
    labels = pl.read_csv(synced.photos / "train.csv")[::2]
    emptied = labels.with_columns(
        label=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("")).otherwise(pl.col("label"))
    )
    emptied.write_csv(synced.photos / "train.csv")
    synced.sync()
    assert synced.table("raw_images").filter(pl.col("split") == "train")["label"].count() == labels.height - 1
    metrics = metrics_of(synced)
    assert metrics["source"] == "cross_validation"
    assert 0 <= metrics["ci95"][0] <= metrics["map_at_10"] <= metrics["ci95"][1] <= 1
    assert 0 < metrics["queries"] <= labels.height - 1
    assert len(synced.lists()) == 12


@pytest.mark.slow
def test_the_hidden_labels_move_the_score_and_no_list(synced: Workplace):
    before, score = synced.submission(), metrics_of(synced)["map_at_10"]
    solution = pl.read_csv(synced.photos / "solution.csv")
    solution.with_columns(label=solution["label"].reverse()).write_csv(synced.photos / "solution.csv")
    outcome = synced.sync()
    assert set(outcome.materialized) <= {
        "raw_images",
        "solution_labels",
        "index_comparison",
        "evaluation",
        "retrieval_report",
        "publication",
    }
    assert synced.submission() == before
    assert metrics_of(synced)["map_at_10"] != score
